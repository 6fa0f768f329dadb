"""Expressions as people write them and as they should not: made at random of every function, kind and edge.

A term is drawn for a kind of value: mostly a literal or a call that gives that kind, now and then one of another kind,
since what an engine refuses is compared too. Terms nest; `parts` lets a difference be traced to the smallest term.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st

SCOPE = {
    "pipeline": {
        "RunId": "3f2c",
        "Pipeline": "PL",
        "parameters": {
            "text": "Foo",
            "number": 42,
            "float": 1.5,
            "whole": 2.0,
            "yes": True,
            "null": None,
            "object": {"a": {"b": [1, 2, {"c": "x"}]}, "A b": 1, "B": "b"},
            "array": [1, "1", 1.0, None, True, [1], {"a": 1}],
            "moment": "2024-02-29T12:30:00Z",
        },
        "globalParameters": {"g": "G"},
    },
    "variables": {"v": "value", "i": 3, "list": ["x", "Y", "x"], "flag": False},
    "activities": {"Copy it": {"status": "Succeeded", "output": {"runOutput": "601", "rows": [{"n": 5}]}}},
    "item": {"id": 7, "name": "bob", "tags": ["a", "b"]},
}
"""What the expressions see."""


@dataclass(frozen=True)
class Term:
    """An expression without its `@`, and the expressions in it."""

    text: str
    parts: tuple["Term", ...] = ()

    def smaller(self) -> Iterator["Term"]:
        """Yield all terms within this one and the term itself, inner ones first."""
        for part in self.parts:
            yield from part.smaller()
        yield self


Drawn = tuple[str, Term | None]
"""An expression, and the term that it is made of, if it is one."""


def quoted(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("'", "''") + "'"


_ALPHABET = "abAB01 ,.:;-+_/\\%&#@{}[]()<>\"'=?*!~$|^`\t\néßİıſΣς😀ǅ\u00a0\u0301Ⅷٱ٣中"
_TEXTS = [
    "", " ", "a", "A", "abc", "ABC", "aBc", " abc ", "a b", "ab ab", "é", "É", "ß", "ss", "SS", "ı", "İ", "i", "I", "😀",
    "e\u0301", "it's", "true", "True", "TRUE", "false", "null", "0", "1", "-1", "1.0", "1.5", "007", "+5", " 601 ",
    "1e3", "1E+17", "1,000", "1,00", "0x1F", "9223372036854775807", "9223372036854775808", "1e400", "1.", ".5", "-.5",
    "NaN", "Infinity", "-", "--1", "1-", "(1)", "1 2", "\u0661", "a,b,c", ",", ",,", "a,,b", "@", "@{x}", "@@", "{", "}", "%",
    "%41", "%4", "%zz", "%C3%A9", "%C3", "+", "a+b", "a%20b", "100%", "http://h/a b?c=d&e=f#g", "\\", "\"", "\n", "\r\n",
    "\t", "\u00a0x\u00a0", "\u2003", "\u200b", "\ufeff", "co-op", "coop", "co op", "résumé", "resume", "ﬁ", "fi", "x" * 70,
]  # fmt: skip
_JSON_TEXTS = [
    "{}", "[]", '""', "null", "true", "1", "1.0", "-0", "-0.0", "1e3", "1E400", "NaN", "[1,2]", "[1,]", "[1 2]", "{\"a\":1}",
    "{\"a\":1,\"a\":2}", "{'a':1}", "{a:1}", " {\"a\" : [1, 2.0, null, \"x\", {\"b\":true}]} ", "[1.50, 1e2, 100000000000000000000]",
    "\"2024-01-01T00:00:00Z\"", "{\"d\":\"2024-01-01T00:00:00+02:00\"}", "\"\\u00e9\\ud83d\\ude00\"", "undefined", "01", "+1", ".5",
    "'x'", "// c\n1", "/* c */ {}", "1 2", "{} {}", "[", "{\"a\"", "tru", "\"a\nb\"", "[[[]]]", "{\"\":1}", "0x10", "1.", "\t1\n",
    "{\"$content-type\":\"text/plain\",\"$content\":\"YWJj\"}", "{\"$content-type\":\"application/octet-stream\",\"$content\":\"/w==\"}",
    "{\"$content-type\":\"application/xml\",\"$content\":\"PGEvPg==\"}", "{\"$content-type\":\"x/y\",\"$content\":\"#\"}",
    "{\"$content\":\"YWJj\"}", "{\"$content-type\":\"application/json\",\"$content\":\"eyJhIjoxfQ==\"}",
]  # fmt: skip
_ARRAYS = [
    "[]",
    "[1]",
    "[1,2,3]",
    "[3,1,2]",
    '[1,1.0,"1",null,true]',
    '["a","A","b","a"]',
    "[[1],[1],[2]]",
    '[{"a":1},{"a":1}]',
    "[null]",
    '[""]',
    "[2.5,1]",
    '["x",{"a":[1]}]',
]
_OBJECTS = [
    "{}",
    '{"a":1}',
    '{"a":2,"b":null}',
    '{"A":1,"a":2}',
    '{"a":{"b":[1]},"c":"x"}',
    '{"a":1.0}',
    '{"b":{"x":1}}',
    '{"b":{"y":2}}',
    '{"1":1}',
]
_INTEGERS = ["0", "1", "2", "3", "-1", "-2", "5", "7", "10", "-7", "100", "1000", "2147483647", "2147483648", "-2147483648",
             "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "-0", "9007199254740993", "4294967296"]  # fmt: skip
_FLOATS = ["0.0", "1.0", "-1.0", "0.1", "1.5", "2.5", "-2.5", "0.5", "-0.0", "1e3", "1E5", "1e-7", "1.50", "123456789.123456789", "1e15", "1e16",
           "1e17", "9223372036854775807.0", "9223372036854775808.0", "1e19", "1e308", "1e309", "5e-324", "0.3", "100.0", "1e-5", "0.0001", "1e22", "3.0E+2", ".5", "5."]  # fmt: skip
_MOMENTS = [
    "2024-02-29", "2024-01-31T18:30:00Z", "2024-01-31T18:30:00", "2024-01-31T18:30:00.1234567Z", "2024-01-31T18:30:00.123",
    "2024-03-10T02:30:00", "2024-11-03T01:30:00", "2024-11-03T01:30:00Z", "2024-03-31T02:30:00", "2024-10-27T02:30:00", "2024-03-10T07:00:00Z",
    "2024-01-31T18:30:00+05:30", "2024-01-31T18:30:00-08:00", "2024-01-31T18:30:00+0530", "2024-01-31T18:30+05", "2024-01-31T23:59:60Z",
    "2024-01-31T24:00:00", "2024-02-30", "2023-02-29", "0001-01-01", "9999-12-31T23:59:59.9999999Z", "9999-12-31", "1/2/2024", "01/31/2024 6:30 PM",
    "1/31/24", "31/1/2024", "1/31/2024 18:30:00", "2024/01/31", "2024.01.31", "20240131", "20240131T183000Z", "2024-01-31 18:30", "2024-01-31t18:30:00z",
    "Jan 31 2024", "31 Jan 2024", "January 31, 2024", "Wed, 31 Jan 2024 18:30:00 GMT", "Tue, 31 Jan 2024 18:30:00 GMT", "Wednesday, January 31, 2024 6:30 PM",
    "2024-01", "2024", "Jan 2024", "18:30", "6 PM", "2024-01-31T", "2024-1-5", "2024-01-31T6:5:4", "2024-W05-3", "2024-031", " 2024-01-31 ", "2024-01-31T18:30:00 Z",
    "2024-01-31T18:30:00.123456789Z", "2024-01-31T18:30:00,5Z", "1900-01-01", "1970-01-01T00:00:00Z", "2024-06-15T12:00:00Z", "2024-12-31T23:59:59Z", "2000-02-29T00:00:00.0000001",
    "2024-01-31T18:30:00 +02:00", "2024-01-31T18:30:00 UTC", "2024-01-31T18:30:00 EST", "12/31/1999", "2/29/2023", "2024-07-01T12:00:00+15:00", "now", "",
    "2024-01-31T18:30:00Zx", "2024-13-01", "2024-00-10", "2024-01-00", "5 Mar", "March 5", "Mar-05-2024", "05-Mar-2024", "5-mar-24", "2024 Jan 31", "20240131183000", "1706725800",
]  # fmt: skip
_ZONES = ["UTC", "India Standard Time", "Eastern Standard Time", "Pacific Standard Time", "W. Europe Standard Time", "GMT Standard Time", "AUS Eastern Standard Time", "Nepal Standard Time",
          "Asia/Kolkata", "America/New_York", "Europe/Berlin", "Etc/UTC", "GMT", "Etc/GMT+5", "utc", "india standard time", "eastern standard time", "Nowhere", "", "EST", "+05:30", "Europe/berlin",
          "Greenwich Standard Time", "Tokyo Standard Time", "Lord Howe Standard Time", "Morocco Standard Time", "Samoa Standard Time", "Coordinated Universal Time", "UTC-11", " UTC", "Z", "Zulu",
          "Central European Standard Time", "E. South America Standard Time", "Iran Standard Time", "Russian Standard Time", "US Eastern Standard Time", "Mountain Standard Time"]  # fmt: skip
_FORMATS = ["o", "O", "d", "D", "f", "F", "g", "G", "m", "M", "r", "R", "s", "t", "T", "u", "U", "y", "Y", "x", "z", "K", "yyyy", "yy", "y", "yyyyy", "%y", "%d", "%M", "%h", "%H", "%m", "%s",
            "MM", "MMM", "MMMM", "dd", "ddd", "dddd", "HH:mm:ss", "hh:mm tt", "h:m:s t", "fff", "FFF", "ss.FFF", "ss.fffffff", "ffffffff", "FFFFFFF", "zzz", "zz", "%z", "%K", "yyyy-MM-ddTHH:mm:ssZ",
            "yyyy-MM-ddTHH:mm:ss.fffK", "yyyyMMdd", "yyyy/MM/dd", "'day' d", "\"day\" d", "d 'de' MMMM", "\\d d", "'", "yyyy'", "\\", "%", "%%", "d%", "%yyyy", "", " ", "d ", "gg", "g g", "q", "Z", "dddddd", "MMMMMM", "tt", "ttt", "HHH", "::", "yyyy-MM-dd'T'HH", "d.M.yyyy", "ff F", ".FFF", "s.FF"]  # fmt: skip
_UNITS = [
    "Second",
    "Minute",
    "Hour",
    "Day",
    "Week",
    "Month",
    "Year",
    "day",
    "DAY",
    "Days",
    "Millisecond",
    "",
    "quarter",
    "Mon",
]
_BASE64 = [
    "",
    "aGVsbG8=",
    "aGVsbG8",
    "aGVs bG8=",
    "aGVs\nbG8=",
    "YQ==",
    "YQ=",
    "YR==",
    "/w==",
    "_w==",
    "8J+YgA==",
    "#",
    "====",
    "aGVsbG8= ",
    "w6k=",
    "77u/YQ==",
]
_DATA_URIS = ["data:text/plain;charset=utf-8;base64,aGVsbG8=", "data:text/plain,hello", "data:,hello%20x", "data:;base64,YQ==", "data:application/octet-stream;base64,/w==", "data:text/plain;base64,YQ", "data:text/plain;charset=utf-8,h%C3%A9",
              "DATA:text/plain,x", "data:text/html;BASE64,YQ==", "data:", "data:text/plain", "data:x;charset=us-ascii;base64,w6k=", "text/plain,hello", "data:text/plain;charset=utf-16;base64,YQBiAA==", "data:application/xml;base64,PGEvPg==", "data:application/json,{\"a\":1}"]  # fmt: skip
_XML = ["<a/>", "<a></a>", "<a>1</a>", "<a> </a>", "<a b='1'/>", "<a b=\"1\">x</a>", "<a><b>1</b><b>2</b></a>", "<a><b/><c>x</c></a>", "<a>x<b>1</b>y</a>", "<?xml version=\"1.0\"?><a/>", "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<a>é</a>",
        "<p:a xmlns:p=\"urn:p\" p:b=\"1\"><p:c/></p:a>", "<a xmlns=\"urn:d\"><b>1</b></a>", "<a><!-- c -->x</a>", "<a><![CDATA[<b>]]></a>", "<a>&lt;&amp;&#65;</a>", "<a>", "<a/><b/>", "", "x", " <a/> ", "<!DOCTYPE a><a/>", "<a><?pi x?></a>", "<a>\n  <b>1</b>\n</a>", "<a b='x y' c='2'><d e='1'>t</d></a>"]  # fmt: skip
_XPATHS = ["/a", "/a/b", "//b", "/a/text()", "string(/a)", "count(//b)", "/a/@b", "sum(//b)", "number(/a)", "/a/b[1]", "/a/b[last()]", "/*", "//*", "name(/*)", "/x", "/a[", "", "boolean(/a)", "1 div 0", "'x'", "1", "true()", "/*/@*", "//@*", "local-name(/*)", "concat('a','b')", "/p:a", "//text()", "/", ".", "string-length('abc')"]  # fmt: skip
_PATHS = [
    "item()", "item().id", "item().name", "item()['tags']", "item().tags[0]", "item().tags[2]", "item()?.nope", "item().nope", "item().NAME", "item()?.nope?.deeper", "item()?.nope.deeper",
    "item().name.x", "item().name?.x", "item().tags['x']", "item().tags?['x']", "item().tags?[5]", "item()[0]", "item()?[0]", "item().name[0]", "item().id.x", "item().id?.x", "item().tags[-1]", "item().tags['0']", "item().tags[1.0]",
    "pipeline().RunId", "pipeline().runid", "pipeline()['RunId']", "pipeline().nope", "pipeline()?.nope", "pipeline().parameters.text", "pipeline().parameters.number", "pipeline().parameters.float", "pipeline().parameters.whole", "pipeline().parameters.yes",
    "pipeline().parameters.null", "pipeline().parameters.null.x", "pipeline().parameters.null?.x", "pipeline().parameters.object", "pipeline().parameters.object.a.b[2].c", "pipeline().parameters.object['A b']", "pipeline().parameters.object['a b']",
    "pipeline().parameters.array", "pipeline().parameters.array[3]", "pipeline().parameters.array[10]", "pipeline().parameters.array?[10]", "pipeline().parameters.moment", "pipeline().globalParameters.g", "pipeline().parameters['TEXT']",
    "variables('v')", "variables('i')", "variables('list')", "variables('flag')", "variables('nope')", "variables('V')", "variables('list')[1]", "variables(concat('v',''))", "variables(1)",
    "activity('Copy it').status", "activity('Copy it').output.runOutput", "activity('Copy it').output.rows[0].n", "activity('Copy it').output?.nope", "activity('copy it').status", "activity('nope')", "activity('nope')?.output", "activity('Copy it')?.error?.message", "activity('Copy it').output.rows",
]  # fmt: skip
_BOOLEANS = ["true", "false", "True", "FALSE", "tRuE"]

_Make = Callable[[random.Random], str]


def _one_of(texts: Sequence[str], write: Callable[[str], str] = quoted) -> _Make:
    written = [write(text) for text in texts]
    return lambda chance: chance.choice(written)


def _letters(alphabet: str, most: int) -> _Make:
    return lambda chance: "".join(chance.choices(alphabet, k=chance.randint(0, most)))


def _text(chance: random.Random) -> str:
    return chance.choice(_TEXTS) if chance.random() < _OFTEN else _letters(_ALPHABET, 8)(chance)


_OFTEN = 0.6  # how often a literal is one of the edges above


def _mostly(edges: _Make, others: Callable[[random.Random], str]) -> _Make:
    return lambda chance: edges(chance) if chance.random() < _OFTEN else others(chance)


def _integer(chance: random.Random) -> str:
    return str(
        chance.randint(-20, 20) if chance.random() < _OFTEN else chance.randint(-(2 ** chance.randint(1, 63)), 2**31)
    )


def _float(chance: random.Random) -> str:
    return repr(chance.uniform(-10, 10) * 10.0 ** chance.randint(-20, 20))


_FIRST_DAY = datetime(1, 1, 1)


def _moment(chance: random.Random) -> str:
    years = (1, 9998) if chance.random() < 1 - _OFTEN else (1970, 2040)
    day = timedelta(days=chance.randint(years[0] * 365, years[1] * 365), seconds=chance.randint(0, 86_399))
    moment = _FIRST_DAY + day + timedelta(microseconds=chance.choice([0, 0, chance.randint(0, 999_999)]))
    form = chance.choice(["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d", "%m/%d/%Y %I:%M:%S %p", "%d %b %Y"])
    return quoted(moment.strftime(form))


_LITERALS: dict[str, _Make] = {
    "text": lambda chance: quoted(_text(chance)),
    "integer": _mostly(_one_of(_INTEGERS, str), _integer),
    "float": _mostly(_one_of(_FLOATS, str), _float),
    "boolean": _one_of(_BOOLEANS, str),
    "null": _one_of(["null", "null", "Null", "NULL"], str),
    "array": _one_of(_ARRAYS, lambda text: f"json({quoted(text)})"),
    "object": _one_of(_OBJECTS, lambda text: f"json({quoted(text)})"),
    "json": _one_of(_JSON_TEXTS),
    "moment": _mostly(_one_of(_MOMENTS), _moment),
    "zone": _one_of(_ZONES),
    "format": _mostly(_one_of(_FORMATS), lambda chance: quoted(_letters("dfFghHKmMstyz -:/.'\\%T", 8)(chance))),
    "unit": _one_of(_UNITS),
    "base64": _one_of(_BASE64),
    "uri": _one_of(_DATA_URIS),
    "xml": _one_of(_XML),
    "xpath": _one_of(_XPATHS),
    "content": _one_of([text for text in _JSON_TEXTS if "$content" in text], lambda text: f"json({quoted(text)})"),
    "path": _one_of(_PATHS, str),
}

# What each function takes, by kinds (`number` is either, `?` may be left out, `*` may be repeated), and gives.
_SIGNATURES = {
    "concat": "any* -> text", "endsWith": "text text -> boolean", "indexOf": "text text -> integer", "lastIndexOf": "text text -> integer",
    "replace": "text text text -> text", "split": "text text -> array", "startsWith": "text text -> boolean",
    "substring": "text integer integer? -> text", "toLower": "text -> text", "toUpper": "text -> text", "trim": "text -> text",
    "contains": "collection any -> boolean", "empty": "collection -> boolean", "first": "sequence -> any", "last": "sequence -> any",
    "intersection": "collection collection* -> array", "union": "collection collection* -> array", "join": "array text -> text",
    "length": "sequence -> integer", "skip": "sequence integer -> array", "take": "sequence integer -> array",
    "and": "boolean boolean* -> boolean", "or": "boolean boolean* -> boolean", "not": "boolean -> boolean", "if": "boolean any any -> any",
    "equals": "any any -> boolean", "greater": "ordered ordered -> boolean", "greaterOrEquals": "ordered ordered -> boolean",
    "less": "ordered ordered -> boolean", "lessOrEquals": "ordered ordered -> boolean",
    "array": "any -> array", "base64": "text -> base64", "base64ToBinary": "base64 -> content", "base64ToString": "base64 -> text",
    "binary": "text -> content", "bool": "any -> boolean", "coalesce": "any* -> any", "createArray": "any* -> array",
    "dataUri": "text -> uri", "dataUriToBinary": "uri -> content", "dataUriToString": "uri -> text", "decodeBase64": "base64 -> text",
    "decodeDataUri": "uri -> content", "decodeUriComponent": "text -> text", "encodeUriComponent": "text -> text", "float": "any -> float",
    "int": "any -> integer", "json": "json -> any", "string": "any -> text", "uriComponent": "text -> text",
    "uriComponentToBinary": "text -> content", "uriComponentToString": "text -> text", "xml": "xml -> content", "xpath": "xmlContent xpath -> any",
    "add": "number number -> number", "sub": "number number -> number", "mul": "number number -> number", "div": "number number -> number",
    "mod": "number number -> number", "max": "numbers numbers* -> number", "min": "numbers numbers* -> number", "range": "integer small -> array",
    "addDays": "moment integer format? -> moment", "addHours": "moment integer format? -> moment", "addMinutes": "moment integer format? -> moment",
    "addSeconds": "moment integer format? -> moment", "addToTime": "moment integer unit format? -> moment",
    "subtractFromTime": "moment integer unit format? -> moment", "convertFromUtc": "moment zone format? -> moment",
    "convertToUtc": "moment zone format? -> moment", "convertTimeZone": "moment zone zone format? -> moment",
    "dayOfMonth": "moment -> integer", "dayOfWeek": "moment -> integer", "dayOfYear": "moment -> integer", "formatDateTime": "moment format? -> text",
    "startOfDay": "moment format? -> moment", "startOfHour": "moment format? -> moment", "startOfMonth": "moment format? -> moment", "ticks": "moment -> integer",
}  # fmt: skip

# Kinds that are one of others. Any kind may stand where another is wanted, once in a while.
_CHOICES = {
    "any": ["text", "integer", "float", "boolean", "null", "array", "object", "json", "moment", "base64", "content", "path", "xml"],
    "number": ["integer", "integer", "float"],
    "small": ["tiny"],
    "numbers": ["integer", "float", "array"],
    "collection": ["text", "array", "object", "array", "object", "null", "content"],
    "sequence": ["text", "array"],
    "ordered": ["text", "integer", "float", "text", "moment"],
    "xmlContent": ["xmlCall", "xmlCall", "xmlCall", "xml", "content"],
}  # fmt: skip
_GIVES: dict[str, list[str]] = {}
for _name, _signature in _SIGNATURES.items():
    _GIVES.setdefault(_signature.split("-> ")[1], []).append(_name)
_GIVES["integer"] += _GIVES["number"]
_GIVES["float"] += _GIVES["number"]
_GIVES["text"] += _GIVES["moment"]

_ODD, _NESTED = 0.12, 0.35  # of the terms: of any other kind, calls
_DEPTH = 3  # of calls in calls


def _term(chance: random.Random, kind: str, depth: int) -> Term:
    """Return a term that gives, most of the time, a value of a kind."""
    kind = chance.choice(_CHOICES.get(kind, [kind]))
    if chance.random() < _ODD:
        kind = chance.choice([*_LITERALS])
    if kind == "tiny":
        return Term(str(chance.randint(-1, 5)))
    if kind == "xmlCall":
        inner = Term(_LITERALS["xml"](chance))
        return Term(f"xml({inner.text})", (inner,))
    if depth > 0 and kind in _GIVES and chance.random() < _NESTED:
        return _call(chance, chance.choice(_GIVES[kind]), depth - 1)
    return Term(_LITERALS[kind](chance))


def _call(chance: random.Random, name: str, depth: int) -> Term:
    """Return a call of a function."""
    parts: list[Term] = []
    for parameter in _SIGNATURES[name].split(" ->")[0].split():
        times = {"?": chance.randint(0, 1), "*": chance.randint(0, 2)}.get(parameter[-1], 1)
        parts += [_term(chance, parameter.rstrip("?*"), depth) for _ in range(times)]
    shape = chance.random()
    if shape < 0.01 and parts:
        parts.pop()
    elif shape < 0.02:
        parts.append(_term(chance, "any", 0))
    separator = chance.choice([",", " , ", "\n,"]) if 0.02 <= shape < 0.1 else ", "
    spelled = chance.choice([name.upper(), name.lower()]) if 0.1 <= shape < 0.15 else name
    term = Term(f"{spelled}({separator.join(part.text for part in parts)})", tuple(parts))
    suffixes = [".a", "?.a", "['a']", "[0]", "?[0]", "?['a']", "[1]"]
    return Term(term.text + chance.choice(suffixes), (term,)) if shape >= 0.93 else term


def expression(chance: random.Random) -> Drawn:
    """Return a string of factory JSON: an expression, or a text with some in it, or something like one."""
    shape = chance.random()
    term = _call(chance, chance.choice([*_SIGNATURES]), _DEPTH - 1) if shape < 0.9 else _term(chance, "any", _DEPTH)
    if shape < 0.8:
        return f"@{term.text}", term
    if shape < 0.92:
        return f"{_text(chance)}@{{{term.text}}}{_text(chance)}", Term(term.text, (term,))
    if shape < 0.95:
        return _letters(_ALPHABET, 12)(chance), None
    text = f"@{term.text}"
    at = chance.randint(0, len(text))
    return text[:at] + chance.choice([*_ALPHABET, ""]) + text[at + chance.randint(0, 1) :], None


expressions: st.SearchStrategy[Drawn] = st.integers(0, 2**64).map(lambda start: expression(random.Random(start)))
"""The same for hypothesis: a failing example is the seed of its expression."""
