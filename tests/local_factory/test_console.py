"""What the terminal shows of a run."""

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from local_factory.console import LiveRuns, error_console, print_fire_times, print_summary
from local_factory.runs import LandedData, Status
from support.local_server import wait_for
from support.sample_runs import (
    FEEDS,
    REASON,
    activity,
    countries_run,
    customer_runs,
    error,
    feeds_run,
    pipeline,
    regions_run,
    sample_report,
)

REPORT = Path("/home/ada/a folder whose name is long/bundle/.local/runs/2026-03-14T06-30-00Z-5f2c/report.html")
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


def paper(width: int = 80, **settings: object) -> Console:
    return Console(file=io.StringIO(), width=width, highlight=False, **settings)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def summary(runs, landed=(), width=80, **settings) -> str:
    console = paper(width, **settings)
    print_summary(console, runs, landed, REPORT)
    return text(console)


def test_the_summary_lists_runs_indented_with_status_and_duration():
    lines = summary(customer_runs(fails=False), width=120).splitlines()
    assert "PL_Process_Customer_Data" in lines[2]
    names = [(len(line) - len(line.lstrip()), line.split()[0]) for line in lines[2:8]]
    assert names == [
        (0, "PL_Process_Customer_Data"),
        (2, "RunCustomerProcessingNotebook"),
        (2, "CheckCustomerProcessingError"),
        (2, "CheckCustomerCount"),
        (4, "ExecuteProductPipeline"),
        (6, "PL_Copy_Product_Data"),
    ]
    assert lines[3].split()[1:] == ["DatabricksNotebook", "✓", "Succeeded", lines[3].split()[4], "8.2", "s"]


@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_the_tables_fit_the_terminal(width):
    landed = sample_report([]).landed
    for line in summary([*customer_runs(fails=False), regions_run(failing=0)], landed, width).splitlines():
        assert line.startswith("Report: ") or len(line) <= width


@pytest.mark.parametrize("width", [40, 60, 80])
def test_names_and_statuses_are_whole_in_a_narrow_terminal(width):
    shown = "".join(summary(customer_runs(fails=True), width=width).split())
    for word in ("Succeeded", "Failed", "Skipped", "PL_Copy_Product_Data"):
        assert word in shown


def test_errors_are_told_once_in_full():
    reason = f"{REASON} " + "word " * 200 + "end"
    runs = customer_runs(fails=True)
    runs[1].activity_runs[0].error = error(f"{reason}\nhttps://example.com/{'a' * 200}")
    shown = summary(runs)
    assert shown.count(REASON) == 1
    assert f"  {reason}\n  https://example.com/{'a' * 200}\n" in shown
    assert "RunProductProcessingNotebook in PL_Copy_Product_Data [3204]" in shown


def test_markup_in_names_and_errors_is_text():
    run = pipeline("[bold]P[/bold]", 0, 1, Status.FAILED)
    activity(run, "[red]A", "Copy", 0, 1, status=Status.FAILED, error=error("see [/nothing] [link=x]y"))
    shown = summary([run], [LandedData("[b]/c", 1, 1, 1)])
    for word in ("[bold]P[/bold]", "[red]A", "see [/nothing] [link=x]y", "[b]/c"):
        assert word in shown


def test_a_retried_error_says_that_it_was_tried_again():
    assert "RunCountryIngestionNotebook in PL_Ingest_Country_Data [3204], then tried again" in summary(
        [countries_run()]
    )


def test_landed_files_have_rows_and_bytes():
    shown = summary([countries_run()], [LandedData("customer_data", 2, 1000, 88_412), LandedData("x.bin", 1, None, 5)])
    assert [line.split() for line in shown.splitlines() if line.startswith(("customer_data", "x.bin"))] == [
        ["customer_data", "2", "1,000", "88.4", "kB"],
        ["x.bin", "1", "-", "5", "bytes"],
    ]


@pytest.mark.parametrize("width", [40, 80])
def test_the_reports_address_is_one_line(width):
    assert f"Report: {REPORT.as_uri()}\n" in summary([countries_run()], width=width)


def test_the_reports_address_is_a_link_on_a_terminal():
    shown = summary([countries_run()], force_terminal=True)
    assert re.search(rf"\x1b\]8;[^;]*;{re.escape(REPORT.as_uri())}\x1b\\", shown)


def test_of_150_iterations_the_summary_shows_what_failed_and_sums_up_the_rest():
    shown = summary([regions_run(iterations=150, failing=2)])
    assert "… 148 Succeeded" in shown
    assert sum(line.startswith("    LoadRegion") for line in shown.splitlines()) == 2


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert COLOUR.search(summary(customer_runs(fails=True), force_terminal=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(summary(customer_runs(fails=True), force_terminal=True))


def test_all_goes_to_stderr(capsys):
    print_summary(error_console(), [countries_run()], (), None)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "PL_Ingest_Country_Data" in captured.err


def test_without_a_terminal_each_activity_is_one_line_when_it_ends():
    run = pipeline("P", 0, None, Status.IN_PROGRESS)
    first = activity(run, "First", "Copy", 0, None, status=Status.IN_PROGRESS)
    console = paper(40)
    with LiveRuns(console) as live:
        live.update([run])
        assert text(console) == ""
        first.status, first.end = Status.SUCCEEDED, first.start + timedelta(seconds=3)
        live.update([run])
        live.update([run])
        assert text(console).endswith("✓ Succeeded  P / First  3.0 s\n")
        activity(run, "A_name_that_does_not_fit_into_forty_columns", "Wait", 3, 3, status=Status.SKIPPED)
        run.status, run.end = Status.SUCCEEDED, first.end
    lines = text(console).splitlines()
    assert [line[10:] for line in lines] == [
        "✓ Succeeded  P / First  3.0 s",
        "- Skipped    P / A_name_that_does_not_fit_into_forty_columns",
        "✓ Succeeded  P  3.0 s",
    ]


def test_each_try_is_a_line_of_its_own_without_a_terminal():
    console = paper()
    with LiveRuns(console) as live:
        live.update([countries_run()])
    assert [line[10:].rstrip() for line in text(console).splitlines()] == [
        "✗ Failed     PL_Ingest_Country_Data / RunCountryIngestionNotebook  3.8 s",
        "✓ Succeeded  PL_Ingest_Country_Data / RunCountryIngestionNotebook (retry 1)  3.8 s",
        "✓ Succeeded  PL_Ingest_Country_Data  9.3 s",
    ]


def test_on_a_terminal_the_live_table_ticks_by_itself_and_goes_when_the_run_is_over():
    run = pipeline("P", 0, None, Status.IN_PROGRESS)
    run.start = datetime.now(UTC)
    console = paper(force_terminal=True, height=30)

    def durations() -> list[str]:
        return re.findall(r"InProgress.* (\d+\.\d s)", text(console))

    with LiveRuns(console) as live:
        live.update([run])
        wait_for(lambda: len(set(durations())) > 1, "a second duration")
    after = text(console).rpartition(durations()[-1])[2]
    assert after.count("\x1b[2K") == len(["Run Status Duration", "P InProgress"])


def test_a_live_table_longer_than_the_terminal_shows_its_end():
    console = paper(force_terminal=True, height=8)
    with LiveRuns(console) as live:
        live.update([countries_run(), *customer_runs(fails=False)])
        wait_for(lambda: "… 6 rows above" in text(console), "what is above")
    assert "RunProductProcessingNotebook" in text(console)


def test_an_error_in_the_block_is_not_swallowed():
    with pytest.raises(KeyboardInterrupt), LiveRuns(paper(force_terminal=True)):
        raise KeyboardInterrupt


def test_fire_times_are_in_the_schedules_zone_and_in_utc_across_a_change_of_clocks():
    zone = ZoneInfo("America/New_York")
    console = paper(60)
    print_fire_times(console, "TR_[Daily]", [datetime(2026, 3, day, 12, tzinfo=zone) for day in (7, 8)])
    assert [line.rstrip() for line in text(console).splitlines()] == [
        "TR_[Daily]",
        "#   America/New_York             UTC",
        "1   Sat 2026-03-07 12:00-05:00   Sat 2026-03-07 17:00Z",
        "2   Sun 2026-03-08 12:00-04:00   Sun 2026-03-08 16:00Z",
    ]


def test_a_trigger_that_is_over_says_so():
    console = paper(20)
    print_fire_times(console, "TR_Old", [])
    assert text(console) == "TR_Old does not fire any more.\n"


def test_the_summary_shows_the_feeds_that_a_notebook_loaded_and_of_many_sums_up_the_rest():
    lines = [line.rstrip() for line in summary([feeds_run(*FEEDS)], width=120).splitlines()]
    gone = next(line for line in lines if line.startswith("shop.dbo.Gone"))
    assert gone.split()[1:] == ["✗", "Failed", "-", "-", "200", "ms", "no", "<table>", "Gone"]
    orders = next(line for line in lines if line.startswith("shop.dbo.Orders"))
    assert orders.split()[3:7] == ["1,200", "51,200", "2.5", "s"]
    many = [{"feed": f"shop.t{number}", "status": "Succeeded"} for number in range(40)]
    assert "… 30 Succeeded" in summary([feeds_run(*many)])
