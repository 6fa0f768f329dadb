"""Names of factory objects: the characters the service takes, and no two alike.

Source: https://learn.microsoft.com/azure/data-factory/naming-rules.
"""

import re
from collections.abc import Iterator

from bundle.bundle import Bundle
from bundle.errors import NamesakeError
from bundle.findings import Problem

MAX_OBJECT_NAME = 260
INTEGRATION_RUNTIME_NAME = range(3, 64)
MAX_CREDENTIAL_NAME = 127

# The patterns of Azure's published schema, resource definitions `factories_*`.
_FORBIDDEN = re.compile(r"[<>*#.%&:\\+?/]")
_INTEGRATION_RUNTIME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_CREDENTIAL = re.compile(r"\w|\w[-\w]*\w")
_NAME = "$.name"


def object_name(bundle: Bundle) -> Iterator[Problem]:
    r"""Names start with a letter, digit or underscore, have at most 260 characters and none of `<>*#.%&:\+?/`.

    Integration runtimes take 3 to 63 letters, digits and single dashes within, credentials letters, digits, underscores
    and dashes within.
    """
    for key, resource in bundle.resources.items():
        if key.kind in ("factory", "managedVirtualNetwork"):
            continue
        reason = _fault(key.kind, key.name)
        if reason:
            yield Problem(resource.path, _NAME, f"{key.name!r} {reason}")


def unique_name(bundle: Bundle) -> Iterator[Problem]:
    """No two objects of a kind have the same name, case aside: the service takes them for one."""
    for error in bundle.unreadable.values():
        if isinstance(error, NamesakeError):
            yield Problem(error.file, error.json_path, error.problem)


def _fault(kind: str, name: str) -> str:
    if kind == "integrationRuntime":
        shortest, longest = INTEGRATION_RUNTIME_NAME[0], INTEGRATION_RUNTIME_NAME[-1]
        if len(name) not in INTEGRATION_RUNTIME_NAME:
            return f"has {len(name)} characters, {shortest} to {longest} are allowed"
        return "" if _INTEGRATION_RUNTIME.fullmatch(name) else "may have letters, digits and single dashes within only"
    most = MAX_CREDENTIAL_NAME if kind == "credential" else MAX_OBJECT_NAME
    if len(name) > most:
        return f"has {len(name)} characters, at most {most} are allowed"
    if kind == "credential":
        return "" if _CREDENTIAL.fullmatch(name) else "may have letters, digits, underscores, and dashes within only"
    if not (name[0].isalnum() or name[0] == "_"):
        return "must start with a letter, a digit or an underscore"
    found = _FORBIDDEN.search(name)
    return f"has the character {found[0]!r}, which is not allowed" if found else ""
