"""XML: XPath 1.0, the conversions from and to JSON, and documents that mean harm."""

import base64

import pytest

from local_factory.expressions import EvaluationError, evaluate

PRODUCE = '<produce><item><count>10</count></item><item id="2"><count>20</count></item></produce>'
FILE = '<?xml version="1.0"?> <file xmlns="http://contoso.com"> <location>Paris</location> </file>'
LAUGHS = "<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
PREFIXED = '<p:a xmlns:p="urn:p" p:b="1 &lt; &quot;2&quot;" xml:lang="en">x<!-- c --></p:a>'


def xpath(xml, path):
    return evaluate("@xpath(xml(item().xml), item().path)", {"item": {"xml": xml, "path": path}})


def as_json(xml):
    return evaluate("@json(xml(item()))", {"item": xml})


def as_xml(value):
    return evaluate("@string(xml(item()))", {"item": value})


@pytest.mark.parametrize(
    ("xml", "path", "value"),
    [
        (PRODUCE, "sum(/produce/item/count)", 30.0),
        (PRODUCE, "count(//item[@id]) = 1", True),
        (PRODUCE, "string(//item[position()=last()]/count)", "20"),
        (PRODUCE, "//item/@id", ['id="2"']),
        (PRODUCE, "//count[. > 10]/text()", ["20"]),
        (PRODUCE, "concat(name(/*), '-', translate('ab', 'a', 'c'))", "produce-cb"),
        (PRODUCE, "//count/ancestor::item[1]/following-sibling::item/count/text()", ["20"]),
        (FILE, 'string(/*[name()="file"]/*[name()="location"])', "Paris"),
        (FILE, 'string(/*[local-name()="file" and namespace-uri()="http://contoso.com"])', "Paris"),
        (PREFIXED, "/*/@*", ['p:b="1 < "2""', 'xml:lang="en"']),
        (PREFIXED, "name(/*)", "p:a"),
    ],
)  # fmt: skip
def test_xpath_1_0(xml, path, value):
    assert xpath(xml, path) == value


def test_an_element_that_xpath_finds_is_xml_content_with_its_namespace():
    (node,) = xpath(FILE, '/*[name()="file"]/*[name()="location"]')
    assert node["$content-type"] == "application/xml;charset=utf-8"
    assert base64.b64decode(node["$content"]) == b'<location xmlns="http://contoso.com">Paris</location>'
    assert evaluate("@string(item())", {"item": node}) == '<location xmlns="http://contoso.com">Paris</location>'


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        ("<a/>", {"a": None}),
        ("<a></a>", {"a": ""}),
        ("<a> </a>", {"a": ""}),
        ("<a>1</a>", {"a": "1"}),
        ("<a b='1'/>", {"a": {"@b": "1"}}),
        ("<a b='1'>x</a>", {"a": {"@b": "1", "#text": "x"}}),
        ("<a><b>1</b><c/><b>2</b></a>", {"a": {"b": ["1", "2"], "c": None}}),
        (FILE, {"?xml": {"@version": "1.0"}, "file": {"@xmlns": "http://contoso.com", "location": "Paris"}}),
        ("<a>x<b>1</b>y</a>", {"a": {"b": "1", "#text": ["x", "y"]}}),
        ("<a>x<!-- c -->y</a>", {"a": {"#text": ["x", "y"]}}),
        ("<a><![CDATA[<b>]]></a>", {"a": {"#cdata-section": "<b>"}}),
        ("<a><?pi x?></a>", {"a": {"?pi": "x"}}),
        ('<a xml:space="preserve"> <b/></a>', {"a": {"@xml:space": "preserve", "#text": " ", "b": None}}),
        (
            '<p:a xmlns:p="urn:p" p:b="1"><p:c>é</p:c></p:a>',
            {"p:a": {"@xmlns:p": "urn:p", "@p:b": "1", "p:c": "é"}},
        ),
    ],
)
def test_json_of_xml(xml, value):
    assert as_json(xml) == value


@pytest.mark.parametrize(
    ("value", "xml"),
    [
        ({"name": "Sophia Owen"}, "<name>Sophia Owen</name>"),
        ({"person": {"name": "S", "city": "Seattle"}}, "<person><name>S</name><city>Seattle</city></person>"),
        ({"a": {"@b": '<"&', "#text": "1 < 2 & 3", "c": [1, True, None]}},
         '<a b="&lt;&quot;&amp;">1 &lt; 2 &amp; 3<c>1</c><c>true</c><c /></a>'),
        ({"a": {"#text": ["x", 1], "b": "2"}}, "<a>x1<b>2</b></a>"),
        ({"?xml": {"@version": "1.0"}, "a": 1.5}, '<?xml version="1.0"?><a>1.5</a>'),
        ({"a": [1]}, "<a>1</a>"),
        ({"a b": {"1": {}}}, "<a_x0020_b><_x0031_ /></a_x0020_b>"),
        ({"a": {"b": [[1, 2], [3]]}}, "<a><b><b>1</b><b>2</b></b><b><b>3</b></b></a>"),
        ({"a": {"#cdata-section": "<"}}, "<a><![CDATA[<]]></a>"),
        ({"a": "\x01"}, "<a>&#x1;</a>"),
        ({}, ""),
    ],
)  # fmt: skip
def test_xml_of_json(value, xml):
    assert as_xml(value) == xml


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"@b": "1", "c": ["1", None, {"d": "é😀"}], "#text": "x"}},
        {"p:a": {"@xmlns:p": "urn:p", "@p:b": "1", "p:c": "2"}},
    ],
)
def test_json_survives_the_way_through_xml(value):
    assert evaluate("@json(xml(item()))", {"item": value}) == value


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        f"<!DOCTYPE a [{LAUGHS}]><a>&a11;</a>",
    ],
    ids=["entity", "external entity", "external document type", "a billion laughs"],
)
def test_xml_with_a_document_type_is_refused(xml):
    with pytest.raises(EvaluationError, match=r"document type|not well-formed"):
        evaluate("@xml(item())", {"item": xml})


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("@xml('<a>')", "xml: the text is not well-formed XML"),
        ("@xml('')", "xml: the text is not well-formed XML"),
        ("@xml('{\"a\":1}')", "xml: the text is not well-formed XML"),
        ('@xml(json(\'{"a":1,"b":2}\'))', "xml: XML has one root"),
        ("@xml(json('{\"a\":[1,2]}'))", "xml: XML has one root"),
        ("@xml(json('{\"@a\":1}'))", "xml: XML has one root"),
        ("@xml(json('{\"\":1}'))", "xml: an element has a name"),
        ("@json(json('{\"a\":1}'))", "json: takes a text or XML; the value is an object already"),
        ("@json(binary('<a/>'))", "json: the text is not JSON"),
        ("@xpath(xml('<a><!-- c --></a>'), '//comment()')", "neither elements, attributes nor texts"),
        ("@xpath(xml('<a/>'), '/a[')", "xpath: the XPath '/a[' is wrong: Invalid expression"),
        ("@xpath(xml('<a/>'), '/p:a')", "xpath: the XPath '/p:a' is wrong: Undefined namespace prefix"),
        ("@xpath(xml('<a/>'), 'nope()')", "xpath: the XPath 'nope()' is wrong"),
        ("@xpath(xml('<a>x</a>'), 'number(/a)')", "xpath: the result is not a finite number"),
        ("@xpath(json('{\"a\":1}'), '/a')", "xpath: takes XML, as xml() makes it, not the object"),
    ],
)
def test_wrong_xml_and_wrong_xpath_are_errors(expression, reason):
    with pytest.raises(EvaluationError) as caught:
        evaluate(expression, {})
    assert reason in str(caught.value)


def test_text_that_declares_another_encoding_is_read_as_the_text_it_is():
    assert xpath('<?xml version="1.0" encoding="utf-16"?><a>é</a>', "string(/a)") == "é"
