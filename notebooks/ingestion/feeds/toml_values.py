"""Values as TOML writes them, for what is proposed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def toml_value(value: Any) -> str:
    """Return a text, number, truth value, list or table in one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(toml_value, value))}]"
    # A basic string of TOML has the escapes of JSON.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
