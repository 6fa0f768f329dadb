"""Which files of a folder a pattern means. Pure: no I/O."""

import posixpath
import re

_PART = re.compile(
    r"(?P<deep>\*\*/)|(?P<star>\*+)|(?P<any>\?)|(?P<set>\[[^\]/]+\])|\{(?P<words>[^{}/]+)\}|(?P<text>.)", re.S
)


def pattern_regex(url: str, pattern: str) -> str:
    """Return the regular expression, Java's and Python's alike, of the addresses of the files that a pattern means.

    Within a pattern `*` and `?` stand for characters of one name, `**/` for any folders, `[...]` for one of some
    characters, `{a,b}` for one of some words.

    Args:
        url: the folder, as Spark takes it: a path, or an address such as `abfss://...`.
        pattern: of the names below it.
    """
    return f"{_beginning(url)}{_names(pattern)}$"


def path_below(url: str, address: str) -> str:
    """Return the path below a folder of a file in it, by the file's address."""
    return re.sub(_beginning(url), "", address)


def fixed_folder(pattern: str) -> str:
    """Return the folders at a pattern's beginning that stand for themselves: nothing else need be looked into."""
    *folders, _ = pattern.split("/")
    fixed = []
    for name in folders:
        if re.search(r"[*?\[{]", name):
            break
        fixed.append(name)
    return "/".join(fixed)


def _beginning(url: str) -> str:
    _, found, rest = url.partition("://")
    path = rest.partition("/")[2] if found else url.partition(":")[2] or url
    folder = posixpath.normpath("/" + path.lstrip("/")).rstrip("/")
    # Spark spells one folder file:/x and file:///x; what stands before the path is the same for all files of a folder.
    return rf"^(?:[A-Za-z][A-Za-z0-9+.\-]*:)?(?://[^/]*)?{re.escape(folder)}/"


def _names(pattern: str) -> str:
    parts = []
    for match in _PART.finditer(pattern):
        match match.lastgroup:
            case "deep":
                parts.append("(?:.*/)?")
            case "star":
                parts.append("[^/]*")
            case "any":
                parts.append("[^/]")
            case "set":
                parts.append(match["set"].replace("[!", "[^"))
            case "words":
                parts.append(f"(?:{'|'.join(map(re.escape, match['words'].split(',')))})")
            case _:
                parts.append(re.escape(match["text"]))
    return "".join(parts)
