"""Activities that write a pipeline's variables and return values."""

from typing import Any

from local_factory.control_flow import Activity
from local_factory.engine import Engine, Frame
from local_factory.errors import ActivityError
from local_factory.parameters import WrongTypeError, check_variable
from local_factory.runs import ActivityRun

_RETURN_VALUE = "pipelineReturnValue"


async def run_set_variable(activity: Activity, run: ActivityRun, frame: Frame, _engine: Engine) -> Any:
    """Set a variable, or the pipeline's return values (`setSystemVariable` on `pipelineReturnValue`)."""
    properties = activity["typeProperties"]
    name = properties["variableName"]
    if properties.get("setSystemVariable") and name == _RETURN_VALUE:
        values = {entry["key"]: frame.evaluate(_return_value(entry.get("value"))) for entry in properties["value"]}
        run.input = {"variableName": name, "value": values}
        frame.returned.update(values)
        return {"name": name, "value": values}
    value = frame.evaluate(properties.get("value"))
    run.input = {"variableName": name, "value": value}
    variable, declared_type = _declared(name, frame)
    _check(variable, value, declared_type)
    frame.variables[variable] = value
    return {"name": name, "value": value}


async def run_append_variable(activity: Activity, run: ActivityRun, frame: Frame, _engine: Engine) -> Any:
    """Append a value to an Array variable."""
    properties = activity["typeProperties"]
    name = properties["variableName"]
    value = frame.evaluate(properties.get("value"))
    run.input = {"variableName": name, "value": value}
    variable, declared_type = _declared(name, frame)
    if declared_type.lower() != "array":
        raise ActivityError(
            "InvalidTemplate", f"Variable {name!r} is no Array: a value can be appended to an Array only."
        )
    frame.variables[variable] = [*frame.variables[variable], value]
    return {"name": name, "value": value}


def _return_value(value: Any) -> Any:
    """Return the JSON under Studio's typed form of a return value, `{"type": "Expression", "content": ...}`."""
    if isinstance(value, dict) and "content" in value:
        return value["content"]
    return value


def _declared(name: str, frame: Frame) -> tuple[str, str]:
    """Return a variable's name as declared, which ignores case, and its type."""
    for variable, declaration in (frame.properties.get("variables") or {}).items():
        if variable.casefold() == name.casefold():
            return variable, str(declaration["type"])
    raise ActivityError("InvalidTemplate", f"Variable {name!r} is not declared in {frame.run.pipeline_name}.")


def _check(name: str, value: Any, type_name: str) -> None:
    try:
        check_variable(value, type_name)
    except WrongTypeError as error:
        raise ActivityError("InvalidTemplate", f"Variable {name!r}: {error}.") from None
