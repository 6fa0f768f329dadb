"""`${SETTING}` in the texts of a source's file. Pure: no I/O."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ingestion.feeds.toml_lines import Path

# Returns the text of a setting, None where nobody has set it.
Settings = Callable[[str], str | None]
_SETTING = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def is_open(value: Any) -> bool:
    """Say whether a value waits for a setting."""
    return isinstance(value, str) and bool(_SETTING.search(value))


def resolve(value: Any, settings: Settings, missing: Callable[[Path, str], None], path: Path = ()) -> Any:
    """Return a TOML value with its settings in place; one that nobody has set is told, and stays as it is."""
    if isinstance(value, Mapping):
        return {key: resolve(item, settings, missing, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, settings, missing, (*path, number)) for number, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def text(found: re.Match[str]) -> str:
        setting = settings(found[1])
        if setting is None:
            missing(path, found[1])
            return found[0]
        return setting

    return _SETTING.sub(text, value)
