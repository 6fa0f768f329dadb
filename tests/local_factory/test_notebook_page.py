"""What a notebook run page says, read with an HTML parser; test_pages_in_browser.py shows it."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from bundle.notebooks import Cell, Language
from local_factory.notebook_page import CellResult, NotebookPage, TableOutput, write_notebook_page
from local_factory.runs import Status
from support.html_tree import Element, read_page
from support.sample_runs import START, at

HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"


def written(folder: Path, *cells: CellResult, **changes: Any) -> Element:
    values: dict[str, Any] = {
        "title": "process_customer_data",
        "path": "/Shared/app/process_customer_data",
        "status": Status.SUCCEEDED,
        "started": START,
        "ended": at(9.2),
    }
    path = folder / "notebooks" / "page.html"
    write_notebook_page(NotebookPage(cells=cells, **(values | changes)), path)
    return read_page(path)


def python(source: str, line: int = 1, title: str | None = None) -> Cell:
    return Cell(Language.PYTHON, source, line, title)


def test_the_head_says_how_the_run_ended_and_leads_back_to_the_report(tmp_path):
    page = written(tmp_path, exit_value="1000", report="../report.html")
    figures = {figure.one("dt").words: figure.one("dd").words for figure in page.one("dl").all("div")}
    assert figures == {
        "Status": "Succeeded",
        "Duration": "9.2 s",
        "Started, 14 March 2026": "06:30:00 UTC",
        "Exit value": "1000",
    }
    assert page.one("h1").words == "process_customer_data"
    assert page.one("a", "back").attributes["href"] == "../report.html"


def test_the_parameters_are_a_table(tmp_path):
    table = written(tmp_path, parameters={"customer_count": "1000", "empty": ""}).one("table")
    rows = [[cell.words for cell in (line.one("th"), line.one("td"))] for line in list(table.all("tr"))[1:]]
    assert rows == [["customer_count", "1000"], ["empty", ""]]


def test_source_has_the_line_numbers_of_the_file_and_copies_without_them(tmp_path):
    page = written(tmp_path, CellResult(python('x = """a\n\nb"""\nprint(x)', line=12, title="Settings"), seconds=0.1))
    assert [line.attributes["data-line"] for line in page.all("span", "line")] == ["12", "13", "14", "15"]
    assert page.one("pre", "source").text == 'x = """a\n\nb"""\nprint(x)\n'
    assert page.one("h3").words == "Settings"


def test_outputs_come_in_the_order_in_which_the_cell_wrote_them(tmp_path):
    table = TableOutput(["Name", "Balance"], [["Ada", Decimal("1.50")], [None, 2.5]], more=True)
    page = written(tmp_path, CellResult(python("show()"), ["before\n", table, "after\n"], seconds=1))
    cell = page.one("article")
    assert [output.text for output in cell.all("pre", "output")] == ["before\n", "after\n"]
    assert cell.text.index("before") < cell.text.index("Ada") < cell.text.index("after")
    assert [[entry.words for entry in line.all("td")] for line in cell.all("tr")] == [
        [],
        ["Ada", "1.50"],
        ["null", "2.5"],
    ]
    assert cell.one("p", "caption").words == "2 rows, the first of more"


def test_columns_of_numbers_are_set_to_the_right(tmp_path):
    table = TableOutput(["n", "text", "flag", "nothing"], [[1, "a", True, None], [None, "b", False, None]])
    assert table.numeric == {0}
    page = written(tmp_path, CellResult(python("show()"), [table], seconds=1))
    assert [head.classes for head in page.one("thead").all("th")] == [["number"], [], [], []]


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    page = written(tmp_path, CellResult(python("show()"), [TableOutput(["a", "b"], [])], seconds=1))
    assert [head.words for head in page.one("thead").all("th")] == ["a", "b"]
    assert page.one("p", "caption").words == "0 rows"


def test_the_failed_cell_shows_its_traceback_and_the_head_leads_to_it(tmp_path):
    traceback = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no \x1b[31mcustomers\x1b[0m\n'
    page = written(
        tmp_path,
        CellResult(python("a"), seconds=0.1),
        CellResult(python("b"), error=traceback, seconds=0.1),
        CellResult(python("c")),
        status=Status.FAILED,
    )
    cells = list(page.all("article"))
    assert cells[1].one("pre", "error").text.endswith("ValueError: no customers\n")
    assert "not run" in cells[2].one("div", "cell-head").words
    reason = page.one("p", "reason")
    assert reason.one("a").attributes["href"] == f"#{cells[1].attributes['id']}"
    assert reason.one("span").text == "ValueError: no customers"


def test_a_long_exit_value_stands_whole_below(tmp_path):
    value = '{"rows": 1000, "target": "customer_data", "seconds": 4.97}'
    assert written(tmp_path, exit_value=value).one("pre", "exit").text == value


def test_an_empty_exit_value_is_not_the_same_as_none(tmp_path):
    values = [list(written(tmp_path, exit_value=value).all("dd"))[-1].words for value in ("", None, "0")]
    assert values == ["(empty)", "–", "0"]  # noqa: RUF001 - the page's own dash


def test_markdown_is_rendered_below_the_page_title(tmp_path):
    source = "# Title\n\n| a | b |\n| --- | --- |\n| 1 | **2** |\n\n- one"
    prose = written(tmp_path, CellResult(Cell(Language.MARKDOWN, source, 2))).one("div", "prose")
    assert prose.one("h2").words == "Title"
    assert prose.one("strong").words == "2"
    assert prose.one("li").words == "one"


def test_markdown_brings_no_markup_no_script_and_no_image(tmp_path):
    source = f"{HOSTILE}\n\n![flow](https://example.com/x.png) [run](javascript:alert(1))"
    page = written(tmp_path, CellResult(Cell(Language.MARKDOWN, source, 2)))
    assert not [*page.all("script"), *page.all("img")]
    links = [(link.words, link.attributes["href"]) for link in page.one("div", "prose").all("a")]
    assert links == [("flow", "https://example.com/x.png")]


def test_texts_from_anywhere_stay_text(tmp_path):
    page = written(
        tmp_path,
        CellResult(python(HOSTILE, title=HOSTILE), [HOSTILE, TableOutput([HOSTILE], [[HOSTILE]])], HOSTILE, 1),
        CellResult(Cell(Language.SQL, HOSTILE, 9), seconds=1),
        title=HOSTILE,
        path=HOSTILE,
        parameters={HOSTILE: HOSTILE},
        exit_value=HOSTILE,
    )
    assert not [*page.all("script"), *page.all("img")]
    assert page.one("h1").text.strip() == HOSTILE
    assert page.one("pre", "source").text == f"{HOSTILE}\n"
    assert page.one("pre", "exit").text == HOSTILE


def test_a_progress_bar_shows_its_last_state(tmp_path):
    page = written(tmp_path, CellResult(python("load()"), ["10 %\r50 %\r100 %\r\ndone\n"], seconds=1))
    assert page.one("pre", "output").text == "100 %\ndone\n"
