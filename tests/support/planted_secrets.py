"""Secrets made to be found again: whatever a run writes is searched for each of them, in every form it may have."""

import base64
import html
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from markupsafe import escape

# Letters that JSON, HTML, URLs and Python's repr escape, and a line end.
PASSWORD = "pl4nted \"quoted' & <b> 100% \\back/slash} ünï😀\nsecond line+of it"
# The same, as far as it fits in a header.
API_KEY = "pl4nted-key\"'&<%41\\+/="
URL_PASSWORD = "pl4nted&url'pass\"word%<w>"

FORMS: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "repr of JSON": lambda text: repr(json.dumps(text))[2:-2],
    "ascii": lambda text: ascii(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "URL": quote,
    "URL, all letters": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML but quotes": lambda text: html.escape(text, quote=False),
    "HTML of Jinja": lambda text: str(escape(text)),
    "HTML in ASCII": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "one line": lambda text: " ".join(text.split()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


def forms_found(secret: str, text: str) -> list[str]:
    """Return the forms in which a text shows a secret, or one of its lines."""
    return [name for name, form in FORMS.items() if any(form(part) in text for part in (secret, *secret.splitlines()))]


def leaks(secrets: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """Return where which secret is shown and how; texts by where they are from."""
    return [
        f"{secret!r} in {place} as {form}"
        for secret in secrets
        for place, text in texts.items()
        for form in forms_found(secret, text)
    ]


def texts_of(folder: Path) -> dict[str, str]:
    """Return every file of a folder as text, by its path; file names are written too."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    texts = {name: path.read_bytes().decode(errors="replace") for name, path in files.items() if path.is_file()}
    return texts | {"the names of files": "\n".join(files)}
