"""What the run report says, read with an HTML parser; test_pages_in_browser.py shows it."""

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from local_factory.report import RunReport, write_report
from local_factory.runs import LandedData, Status
from local_factory.timeline import LogEntry
from support.html_tree import Element, read_page
from support.sample_runs import (
    FEEDS,
    REASON,
    SOURCES,
    START,
    activity,
    at,
    countries_run,
    customer_runs,
    error,
    feeds_run,
    pipeline,
    regions_run,
    sample_report,
)

NO_NUMBER = "\N{EN DASH}"
HOSTILE = "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;{{ 7 * 7 }}"


def written(report: RunReport, folder: Path) -> Element:
    path = folder / "runs" / "r1" / "report.html"
    write_report(report, path)
    return read_page(path)


def row(page: Element, name: str) -> Element:
    """Return the <details> of the first run with a name."""
    return next(found for found in page.all("details", "run") if found.one("b").text == name)


def outline(listing: Element) -> list[tuple[str, list]]:
    """Return the names of a list's rows and of the rows below them."""
    found = []
    for item in (child for child in listing.content if isinstance(child, Element)):
        below = [child for child in item.content if isinstance(child, Element) and child.tag == "ol"]
        found.append((item.one("b").text, outline(below[0]) if below else []))
    return found


@pytest.mark.parametrize(
    ("statuses", "headline"),
    [
        ([], "No pipeline ran"),
        ([Status.SUCCEEDED], "Pipeline succeeded"),
        ([Status.SUCCEEDED] * 2, "Both pipelines succeeded"),
        ([Status.SUCCEEDED] * 3, "All 3 pipelines succeeded"),
        ([Status.FAILED], "Pipeline failed"),
        ([Status.SUCCEEDED, Status.FAILED], "1 of 2 pipelines failed"),
        ([Status.CANCELLED], "Pipeline was cancelled"),
        ([Status.CANCELLED, Status.SUCCEEDED, Status.CANCELLED], "2 of 3 pipelines were cancelled"),
        ([Status.IN_PROGRESS], "Pipeline did not finish"),
    ],
)
def test_the_headline_is_the_outcome(tmp_path, statuses, headline):
    runs = [pipeline(f"P{number}", 0, 1, status) for number, status in enumerate(statuses)]
    page = written(sample_report(runs), tmp_path)
    assert page.one("h1").words == headline
    assert page.one("title").text.startswith(headline)


def test_nested_pipelines_and_inner_activities_stand_under_what_ran_them(tmp_path):
    page = written(sample_report([countries_run(), *customer_runs(fails=False)]), tmp_path)
    inner = [("ExecuteProductPipeline", [("PL_Copy_Product_Data", [("RunProductProcessingNotebook", [])])])]
    assert outline(page.one("div", "timeline").one("ol")) == [
        ("PL_Ingest_Country_Data", [("RunCountryIngestionNotebook", [])] * 2),
        (
            "PL_Process_Customer_Data",
            [
                ("RunCustomerProcessingNotebook", []),
                ("CheckCustomerProcessingError", []),
                ("CheckCustomerCount", inner),
            ],
        ),
    ]


def test_a_row_has_status_start_duration_and_its_place_in_time(tmp_path):
    page = written(sample_report(customer_runs(fails=False)), tmp_path)
    summary = row(page, "RunProductProcessingNotebook").one("summary")
    assert summary.one("span", "pill").words == "Succeeded"
    assert summary.one("span", "start").words == "started 06:30:18"
    assert summary.one("span", "took").words == "took 6.2 s"
    # 8.6 s after the first of 15.1 s, for 6.2 s.
    assert summary.one("i", "bar").attributes["style"] == "--left:56.954%;--width:41.06%"


def test_a_skipped_activity_has_no_duration_and_no_bar(tmp_path):
    page = written(sample_report(customer_runs(fails=True)), tmp_path)
    summary = row(page, "ArchiveCustomers").one("summary")
    assert summary.one("span", "took").words == "took –"  # noqa: RUF001 - the page's own dash
    assert not list(summary.all("i", "bar"))


def test_tries_are_rows_of_their_own_and_the_failed_one_says_that_it_was_retried(tmp_path):
    page = written(sample_report([countries_run()]), tmp_path)
    first, second = list(page.all("details", "run"))[1:]
    assert first.one("span", "pill").words == "Retried"
    assert "retry 1" in second.one("summary").words
    assert "Activity runs, 1 retried" in page.one("header").words
    assert not list(page.all("ul", "causes"))


def test_a_failed_run_names_the_innermost_reason_once_and_links_to_it(tmp_path):
    page = written(sample_report(customer_runs(fails=True)), tmp_path)
    (cause,) = page.one("ul", "causes").all("li")
    assert cause.one("h3").words == "RunProductProcessingNotebook"
    assert cause.one("pre").text == REASON
    target = next(cause.all("a")).attributes["href"]
    assert target == f"#{row(page, 'RunProductProcessingNotebook').one('div', 'more').attributes['id']}"


def test_a_row_opens_to_input_output_error_and_log(tmp_path):
    runs = customer_runs(fails=True)
    logs = {runs[1].activity_runs[0].activity_run_id: LogEntry("read 200 rows\n", "notebooks/a page#1.html")}
    details = row(written(sample_report(runs, logs=logs), tmp_path), "RunProductProcessingNotebook")
    boxes = {box.one("h4").words: box.one("pre").text for box in details.all("div", "box")}
    assert boxes["Error 3204"] == REASON
    assert '"customer_count": "1000"' in boxes["Input"]
    assert '"runPageUrl"' in boxes["Output"]
    assert boxes["Log"] == "read 200 rows\n"
    assert details.one("a", "button").attributes["href"] == "notebooks/a%20page%231.html"


def test_a_notebook_that_loads_feeds_shows_each_with_rows_seconds_and_error(tmp_path):
    page = written(RunReport("Feeds", at(0), at(9), [feeds_run(*FEEDS)], SOURCES), tmp_path)
    body = row(page, "RunIngestNotebook").one("tbody")
    rows = [[cell.words for cell in line.content if isinstance(cell, Element)] for line in body.all("tr")]
    assert rows == [
        ["shop.dbo.Gone no <table> Gone more", "Failed", *[NO_NUMBER] * 4, "200 ms"],
        ["shop.dbo.Orders column At is text", "Succeeded", "1,200", "11", "0", "51,200", "2.5 s"],
    ]


def test_every_notebook_page_is_linked(tmp_path):
    report = sample_report([countries_run(), *customer_runs(fails=True), regions_run()])
    page = written(report, tmp_path)
    linked = [link.attributes["href"] for link in page.all("a", "button")]
    assert sorted(linked) == sorted(entry.page.replace(" ", "%20") for entry in report.logs.values() if entry.page)


def test_a_pipeline_row_shows_parameters_and_what_invoked_it(tmp_path):
    details = row(written(sample_report(customer_runs(fails=False)), tmp_path), "PL_Copy_Product_Data")
    boxes = {box.one("h4").words: box.one("pre").text for box in details.all("div", "box")}
    assert '"customerCountParam": "1000"' in boxes["Parameters"]
    assert '"ExecuteProductPipeline"' in boxes["Invoked by"]


def test_what_landed_is_a_table_with_its_total(tmp_path):
    landed = [LandedData("countries/côte d'or.json", 1, None, 4200), LandedData("customer_data", 2, 1000, 88_412)]
    table = written(sample_report([countries_run()], landed=landed), tmp_path).one("table")
    assert [[cell.words for cell in line.content if isinstance(cell, Element)] for line in table.all("tr")] == [
        ["Path", "Files", "Rows", "Size"],
        ["countries/côte d'or.json", "1", "–", "4.2 kB"],  # noqa: RUF001 - the page's own dash
        ["customer_data", "2", "1,000", "88.4 kB"],
        ["Total", "3", "1,000", "92.6 kB"],
    ]
    assert table.one("a").attributes["href"] == (SOURCES.lake / "countries/côte d'or.json").as_uri()


def test_a_run_that_landed_nothing_says_so(tmp_path):
    page = written(sample_report([countries_run()], landed=()), tmp_path)
    assert "Nothing landed in this run." in page.words


def test_it_says_what_stood_in_for_azure(tmp_path):
    sources = written(sample_report([countries_run()]), tmp_path).one("dl", "sources")
    assert [name.words for name in sources.all("code")] == [SOURCES.database, SOURCES.api, str(SOURCES.lake)]


def test_of_150_iterations_the_failed_ones_stand_out_and_the_others_are_one_row_that_opens(tmp_path):
    page = written(sample_report([regions_run(iterations=150, failing=2)]), tmp_path)
    folded = page.one("details", "folded")
    assert folded.one("summary").words.startswith("148 Succeeded")
    assert len(list(folded.one("ol").all("details", "run"))) == 148
    assert len(list(page.all("details", "run"))) == 1 + 1 + 1 + 150 + 1


def test_of_many_different_failures_the_first_ten_are_told_and_the_others_counted(tmp_path):
    page = written(sample_report([regions_run(iterations=150, failing=14)]), tmp_path)
    assert len(list(page.one("ul", "causes").all("li"))) == 10
    assert "And 4 further failures, in the timeline." in page.words


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0, ["0"]),
        (0.4, ["0", "100 ms", "200 ms", "300 ms"]),
        (24, ["0", "5 s", "10 s", "15 s", "20 s"]),
        (600, ["0", "2 min", "4 min", "6 min", "8 min"]),
        (5400, ["0", "30 min", "1 h"]),
        (86400 * 12, ["0", "72 h", "144 h", "216 h"]),
    ],
)
def test_the_axis_has_few_round_times(tmp_path, seconds, labels):
    page = written(sample_report([pipeline("P", 0, seconds)]), tmp_path)
    assert [tick.text for tick in page.one("span", "ticks").all("i")] == labels


def test_times_are_in_the_zone_of_the_start(tmp_path):
    india = timezone(timedelta(hours=5, minutes=30), "IST")
    page = written(sample_report([countries_run()], started=START.astimezone(india)), tmp_path)
    assert row(page, "PL_Ingest_Country_Data").one("span", "start").words == "started 12:00:00"
    assert "Saturday, 14 March 2026, 12:00:00 IST" in page.words


def test_a_run_under_way_is_drawn_to_the_end(tmp_path):
    run = pipeline("P", 0, None, Status.CANCELLED)
    activity(run, "Load", "Copy", 2, None, status=Status.CANCELLED)
    page = written(sample_report([run], ended=START + timedelta(seconds=8)), tmp_path)
    assert row(page, "Load").one("i", "bar").attributes["style"] == "--left:25.0%;--width:75.0%"


def test_texts_from_anywhere_stay_text(tmp_path):
    run = pipeline(
        HOSTILE, 0, 9, Status.FAILED, message=HOSTILE, parameters={HOSTILE: HOSTILE}, invoked_by={"name": HOSTILE}
    )
    failed = activity(run, HOSTILE, HOSTILE, 0, 5, status=Status.FAILED, input=HOSTILE, output={HOSTILE: [HOSTILE]})
    failed.error = error(HOSTILE, HOSTILE)
    activity(run, HOSTILE, HOSTILE, 5, 9, status=Status.FAILED, container=failed, error=error(HOSTILE))
    logs = {failed.activity_run_id: LogEntry(HOSTILE, f"javascript:{HOSTILE}")}
    page = written(
        sample_report([run], title=HOSTILE, logs=logs, landed=[LandedData(HOSTILE, 1, 1, 1)]),
        tmp_path,
    )
    assert not list(page.all("script"))
    assert not list(page.all("img"))
    assert page.one("p", "eyebrow").text == HOSTILE
    assert row(page, HOSTILE).one("b").text == HOSTILE
    assert not [link for link in page.all("a") if (link.attributes["href"] or "").startswith("javascript:")]
    on = [name for element in page.all("details") for name in element.attributes if name.startswith("on")]
    assert not on


def test_control_characters_and_half_surrogates_do_not_break_the_page(tmp_path):
    runs = customer_runs(fails=True)
    runs[1].activity_runs[0].error = error("\x1b[31mred\x1b[0m \x00 \ud800 end")
    page = written(sample_report(runs), tmp_path)
    assert page.one("ul", "causes").one("pre").text == "red \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER} end"


def test_values_that_json_does_not_know_are_shown_as_text(tmp_path):
    runs = customer_runs(fails=False)
    runs[1].activity_runs[0].output = {"path": Path("/lake"), "when": START}
    details = row(written(sample_report(runs), tmp_path), "RunProductProcessingNotebook")
    assert '"/lake"' in details.words


def test_of_a_very_long_log_the_end_is_shown_and_the_rest_counted(tmp_path):
    runs = customer_runs(fails=False)
    logs = {runs[1].activity_runs[0].activity_run_id: LogEntry("x" * 70_000 + "the end")}
    details = row(written(sample_report(runs, logs=logs), tmp_path), "RunProductProcessingNotebook")
    log = details.one("div", "log").one("pre").text
    assert log.startswith("… 20,007 characters before this are in the log file.")
    assert log.endswith("the end")


def test_headings_follow_one_another_and_ids_are_unique(tmp_path):
    page = written(sample_report([*customer_runs(fails=True), regions_run()]), tmp_path)
    assert [heading.words for heading in page.all("h2")] == [
        "What went wrong",
        "Timeline",
        "Landed in the lake",
        "In place of Azure",
    ]
    ids = [element.attributes["id"] for tag in ("h2", "div") for element in page.all(tag) if "id" in element.attributes]
    assert len(ids) == len(set(ids))


def test_an_earlier_report_is_replaced(tmp_path):
    written(sample_report(customer_runs(fails=True)), tmp_path)
    assert "failed" not in written(sample_report(customer_runs(fails=False)), tmp_path).one("h1").words
