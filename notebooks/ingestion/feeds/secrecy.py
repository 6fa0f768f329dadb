"""Secrets that stand in a file in plain text, where a secret's name belongs. Pure: no I/O."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ingestion.feeds.toml_lines import Path
from ingestion.platform.spellings import passwords_in

_NAMES = re.compile(
    r"(?i)authori[sz]ation|api[-_]?key|access[-_]?key|account\.key|token|secret|passw|pwd|cookie|signature|^sig$|^key$"
)
_SCHEME = re.compile(r"(?i)^(bearer|basic|token)\s+\S")
_STORE = 'store it in the secret scope, and write its name: { secret = "KEY" }'


def plain_secrets(document: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield where a file's values show a secret, and the way out; the secret itself is in no message."""
    for key, value in document.items():
        place = (*path, key)
        if isinstance(value, Mapping):
            if key in ("headers", "params", "options"):
                yield from _named(value, place)
            yield from plain_secrets(value, place)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, Mapping):
                    yield from plain_secrets(item, (*place, number))
        elif isinstance(value, str) and key in ("url", "access_token_url", "path"):
            yield from _in_address(value, place)


def _named(values: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    for name, value in values.items():
        if isinstance(value, str) and value and (_NAMES.search(name) or _SCHEME.search(value)):
            way_out = (
                "leave it out: the folder is read as the cluster's own identity" if path[-1] == "options" else _STORE
            )
            yield (*path, name), f"is a secret in plain text; {way_out}"


def _in_address(address: str, path: Path) -> Iterator[tuple[Path, str]]:
    if passwords_in(address):
        yield (
            path,
            "holds a secret in plain text: a password; take it out, and name it as user and password, or in auth",
        )
        return
    try:
        query = urlsplit(address).query
    except ValueError:
        return
    for name, value in parse_qsl(query):
        if value and _NAMES.search(name):
            yield path, f"holds a secret in plain text: {name}; take it out, and {_STORE} in auth or params"
