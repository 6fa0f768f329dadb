"""Names of factory objects: the characters the service takes, and no two that differ in case only.

Source: https://learn.microsoft.com/azure/data-factory/naming-rules.
"""

import re
from collections.abc import Iterator

from bundle.bundle import Bundle
from bundle.findings import Problem

MAX_OBJECT_NAME = 260

_FORBIDDEN = re.compile(r"[.+?/<>*%&:\\]")
_WITHOUT_DASHES = frozenset({"linkedService", "dataset", "dataflow"})
_INTEGRATION_RUNTIME = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_NAME = "$.name"


def object_name(bundle: Bundle) -> Iterator[Problem]:
    r"""Names start with a letter, digit or underscore, have at most 260 characters and none of `.+?/<>*%&:\`.

    Linked services, datasets and data flows take no dash; integration runtimes take letters, digits and single dashes.
    """
    for key, resource in bundle.resources.items():
        if key.kind in ("factory", "managedVirtualNetwork"):
            continue
        reason = _fault(key.kind, key.name)
        if reason:
            yield Problem(resource.path, _NAME, f"{key.name!r} {reason}")


def unique_name(bundle: Bundle) -> Iterator[Problem]:
    """No two objects of a kind have names that differ in case only: the service takes them for one."""
    first: dict[tuple[str, str], str] = {}
    for key, resource in bundle.resources.items():
        other = first.setdefault((key.kind, key.name.casefold()), key.name)
        if other != key.name:
            yield Problem(resource.path, _NAME, f"differs from {key.kind} {other!r} in case only: names ignore case")


def _fault(kind: str, name: str) -> str:
    if len(name) > MAX_OBJECT_NAME:
        return f"has {len(name)} characters, at most {MAX_OBJECT_NAME} are allowed"
    if kind == "integrationRuntime":
        fits = _INTEGRATION_RUNTIME.fullmatch(name)
        return "" if fits else "may have letters, digits and single dashes within only"
    if not (name[:1].isalnum() or name.startswith("_")):
        return "must start with a letter, a digit or an underscore"
    found = _FORBIDDEN.search(name)
    if found:
        return f"has the character {found[0]!r}, which is not allowed"
    if kind in _WITHOUT_DASHES and "-" in name:
        return f"has a dash, which the name of a {kind} may not have"
    return ""
