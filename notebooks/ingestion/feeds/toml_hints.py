"""What may be meant by a line that is not TOML: the way out of the mistakes that people make."""

import re

PAIR = re.compile(r"\s*(?P<key>[\w.-]+)\s*=\s*(?P<value>.*?)\s*(#.*)?$")
_STRAIGHT = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‚": "'"})  # noqa: RUF001 - as word processors write them
_OPENING = ('"', "'", "[", "{")


def way_out(message: str, line: str) -> str:
    """Return what to write in place of a line, as the end of a message; nothing where no mistake is known.

    Args:
        message: what `tomllib` says of the line.
        line: as it stands in the file.
    """
    if message.startswith("Unclosed array"):
        return "; a list above this line has no end: write its ]"
    straight = line.translate(_STRAIGHT)
    if straight != line:
        return f"; write straight quotes: {straight.strip()}"
    if line.lstrip().startswith("["):
        name = re.sub(r"[\[\]\s]|#.*", "", line)
        return f"; write [[{name}]] for one of several, [{name}] for the only one"
    pair = PAIR.match(line)
    if pair:
        return _pair(message, pair["key"], pair["value"])
    colon = re.match(r"\s*([\w.-]+)\s*:\s*(.*)", line)
    return f"; write {colon[1]} = {_quoted(colon[2])}, or [{colon[1]}] for a table" if colon else ""


def _pair(message: str, key: str, value: str) -> str:
    if "overwrite" in message:
        return "; the key is there twice: keep one of the two"
    if "\\" in value:
        return f"; in single quotes a backslash is just that: {key} = '{value.strip(chr(34))}'"
    if value.lower() in ("true", "false"):
        return f"; write {key} = {value.lower()}"
    if value.lower() in ("none", "null", "nil", ""):
        return "; leave out a key that has no value"
    if value[0].isalpha() or value[0] in "/*$.":
        return f"; a text stands in quotes: {key} = {_quoted(value)}"
    return ""


def _quoted(text: str) -> str:
    return text if text.startswith(_OPENING) else f'"{text or "..."}"'
