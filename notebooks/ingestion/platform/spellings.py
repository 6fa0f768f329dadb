"""Which spellings of a secret a text may show, and which passwords an address holds. Pure: no I/O.

The local factory has the same in `scripts/local_factory/cluster/spellings.py`: neither imports the other.
"""

import re
import string
from base64 import b64encode
from html.entities import html5
from urllib.parse import unquote

# Letters that no escaping changes.
_PLAIN = frozenset(string.ascii_letters + string.digits + "-._~")
# As it is, or as a URL escapes it.
_BACKSLASH = r"(?:\\|%(?:25)*5[cC])"
# Of base64 text, fewer characters than these are found in any other text too.
_SHORTEST_BASE64 = 8
# Of a secret of several lines: a shorter line is no secret by itself.
_SHORTEST_LINE = 4
# `;password=x`, up to the next semicolon or as a braced value; or `?password=x`, up to the next ampersand.
_PASSWORD_NAME = r"(?:\w*(?:password|pwd|secret|accesstoken))"  # noqa: S105 - what names one
_PASSWORD_PROPERTIES = (
    re.compile(rf"(?i);\s*{_PASSWORD_NAME}\s*=\s*\{{((?:[^}}]|\}}\}})*)\}}"),
    re.compile(rf"(?i);\s*{_PASSWORD_NAME}\s*=\s*([^;{{][^;]*)"),
    re.compile(rf"(?i)[?&]{_PASSWORD_NAME}=([^&]*)"),
)
# `//user:password@host`, as most web addresses allow, and Oracle's `user/password@host`.
_PASSWORDS_BEFORE_HOST = (re.compile(r"//[^/?#:@\s]*:([^/?#\s]+)@"), re.compile(r":thin:[^/@]*/(\S+)@"))


def passwords_in(address: str) -> set[str]:
    """Return the passwords that a JDBC or web address holds, as written and as percent-decoded."""
    found = set()
    for pattern in (*_PASSWORD_PROPERTIES, *_PASSWORDS_BEFORE_HOST):
        found |= {password.strip().replace("}}", "}") for password in pattern.findall(address)}
    return {spelling for password in found for spelling in (password, unquote(password)) if spelling}


def spellings(secret: str) -> "list[re.Pattern[str]]":
    """Return patterns of what shows a secret: itself, each of its lines, and what escaping and base64 make of it.

    Escaped as in JSON, Python, a URL or HTML, more or fewer of its letters, and as JSON or Python within one of these:
    a message may hold the `repr` of an answer. Base64 also from within a longer text, as in basic authentication.
    """
    whole = secret.strip()
    lines = [line.strip() for line in whole.splitlines()]
    pieces = {whole, *(line for line in lines if len(line) >= _SHORTEST_LINE)} - {""}
    texts = [_escaped(piece) for piece in sorted(pieces, key=len, reverse=True)]
    return [re.compile(text) for text in [*texts, *map(re.escape, _base64_texts(whole))]]


def _escaped(text: str) -> str:
    """Return a pattern of all ways to write a text. A run of blanks and line ends may have become another one."""
    blank = "|".join([r"\s", r"\+", rf"{_BACKSLASH}{{1,8}}[nrt]", *map(_character, " \t\r\n")])
    parts = re.findall(r"\s+|\S", text)
    return "".join(f"(?:{blank})+" if part.isspace() else f"(?:{_character(part)})" for part in parts)


def _character(character: str) -> str:
    """Return a pattern of the ways to write a character."""
    if character in _PLAIN:
        return re.escape(character)
    if character == "\\":
        return rf"{_BACKSLASH}{{1,16}}|&(?:amp;)*(?:#92|#x5[cC]|bsol);"
    code = f"{ord(character):x}"
    utf_8 = character.encode("utf-8", "surrogatepass").hex()
    utf_16 = character.encode("utf-16-be", "surrogatepass").hex()
    names = [name.rstrip(";") for name, meaning in html5.items() if meaning == character]
    escapes = [
        "".join(rf"{_BACKSLASH}{{1,8}}x{utf_8[at : at + 2]}" for at in range(0, len(utf_8), 2)),
        "".join(rf"{_BACKSLASH}{{1,8}}u{utf_16[at : at + 4]}" for at in range(0, len(utf_16), 4)),
        rf"{_BACKSLASH}{{1,8}}[xu]0*{code}",
        "".join(rf"%(?:25)*{utf_8[at : at + 2]}" for at in range(0, len(utf_8), 2)),
    ]
    entity = "|".join([*names, f"#0*{ord(character)}", f"#[xX]0*(?i:{code})"])
    return rf"{_BACKSLASH}{{0,8}}(?:{re.escape(character)}|(?i:{'|'.join(escapes)})|&(?:amp;)*(?:{entity});)"


def _base64_texts(secret: str) -> set[str]:
    """Return what base64 text holds of a secret, wherever in a group of three bytes the secret begins."""
    texts = set()
    for shift, changed in enumerate((0, 2, 3)):
        encoded = bytes(shift) + secret.encode("utf-8", "surrogatepass")
        text = b64encode(encoded).decode()[changed : len(encoded) * 8 // 6]
        if len(text) >= _SHORTEST_BASE64:
            texts |= {text, text.translate(str.maketrans("+/", "-_"))}
    return texts
