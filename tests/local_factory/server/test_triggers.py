"""Triggers of a served factory: windows are made up for, run once each, outlive a kill, and are cancelled and rerun."""

from datetime import UTC, datetime, timedelta

from support.local_server import EVER, wait_for
from support.pipelines import activity, expression, fail, pipeline, resource, set_variable

from .conftest import schedule, waiting

WINDOWED = pipeline(
    "PL_Window",
    [set_variable("Set", "v", expression("@concat(pipeline().parameters.from, pipeline().TriggerType)"))],
    parameters={"from": {"type": "String"}},
    variables={"v": {"type": "String"}},
)


def tumbling(name, starts, *, state="Started", parameters=None, **properties):
    """A trigger whose first three hours have closed, and whose fourth has not."""
    start = (datetime.now(UTC) - timedelta(hours=3, minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {"frequency": "Hour", "interval": 1, "startTime": start, "maxConcurrency": 50, **properties}
    entry = {
        "pipelineReference": {"referenceName": starts, "type": "PipelineReference"},
        "parameters": parameters or {},
    }
    kind = {"type": "TumblingWindowTrigger", "runtimeState": state, "pipeline": entry, "typeProperties": given}
    return resource("trigger", name, kind)


def fired(server, name):
    filters = [{"operand": "TriggerName", "operator": "Equals", "values": [name]}]
    order = [{"orderBy": "TriggerRunTimestamp", "order": "ASC"}]
    query = {**EVER, "filters": filters, "orderBy": order}
    return server.call("POST", "/queryTriggerRuns", query).json()["value"]


def test_closed_windows_are_made_up_for_at_once_and_run_once_also_after_a_kill(serve):
    server = serve(
        WINDOWED,
        tumbling("TR", "PL_Window", parameters={"from": expression("@trigger().outputs.windowStartTime")}),
    )
    ended = wait_for(
        lambda: [run for run in fired(server, "TR") if run["status"] == "Succeeded"][2:] and fired(server, "TR"),
        "three windows",
    )
    starts = [run["properties"]["WindowStartTime"] for run in ended]
    assert starts == sorted(set(starts))
    assert len(starts) == 3
    run = server.run(ended[0]["triggeredPipelines"]["PL_Window"])
    assert run["parameters"] == {"from": starts[0]}
    assert run["invokedBy"]["invokedByType"] == "TumblingWindowTrigger"
    server.kill()
    server.start()
    server.call("GET", "/pipelines")
    assert [run["properties"]["WindowStartTime"] for run in fired(server, "TR")] == starts


def test_no_more_windows_go_on_side_by_side_than_the_trigger_allows_and_a_cancelled_one_makes_room(serve):
    server = serve(waiting(600), tumbling("TR", "PL_Slow", maxConcurrency=2))
    first = wait_for(lambda: fired(server, "TR")[1:] and fired(server, "TR"), "two windows")
    assert len(first) == 2
    answer = server.call("POST", f"/triggers/TR/triggerRuns/{first[0]['triggerRunId']}/cancel")
    assert answer.status_code == 200
    assert server.ended(first[0]["triggeredPipelines"]["PL_Slow"])["status"] == "Cancelled"
    wait_for(lambda: len(fired(server, "TR")) == 3, "the third window")


def test_a_window_that_fails_is_run_again_as_the_retry_policy_says(serve):
    retry = {"count": 1, "intervalInSeconds": 0}
    server = serve(pipeline("PL_Bad", [fail("Break")]), tumbling("TR", "PL_Bad", retryPolicy=retry))
    runs = wait_for(lambda: fired(server, "TR")[5:] and fired(server, "TR"), "two runs for each of three windows")
    assert len({run["properties"]["WindowStartTime"] for run in runs}) == 3


def test_the_interval_of_a_windows_trigger_is_fixed_and_one_made_anew_begins_again(serve):
    trigger = tumbling("TR", "PL_Slow", state="Stopped", maxConcurrency=1)
    server = serve(waiting(0), trigger)
    changed = {**trigger.properties, "typeProperties": {**trigger.properties["typeProperties"], "interval": 2}}
    refused = server.put("triggers", "TR", changed)
    assert refused.status_code == 400
    assert "interval" in refused.json()["error"]["message"]
    assert server.call("DELETE", "/triggers/TR").status_code == 200
    assert server.put("triggers", "TR", changed).status_code == 200
    assert server.call("POST", "/triggers/TR/start").status_code == 200
    wait_for(lambda: fired(server, "TR"), "the first window of two hours")


def test_a_schedule_fires_to_the_second_at_its_start_and_not_for_what_is_past(serve):
    past = schedule("TR_Past", "PL_Slow", state="Started", frequency="Month", startTime="2020-01-01T00:00:00Z")
    server = serve(waiting(0), past)
    start = datetime.now(UTC)
    while datetime.now(UTC) >= start:  # on a busy machine the moment may have passed before the trigger is started
        server.call("POST", "/triggers/TR_Soon/stop")
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
        begin = start.strftime("%Y-%m-%dT%H:%M:%SZ")
        soon = schedule("TR_Soon", "PL_Slow", frequency="Day", startTime=begin)
        assert server.put("triggers", "TR_Soon", soon.properties).status_code == 200
        assert server.call("POST", "/triggers/TR_Soon/start").status_code == 200
    run = wait_for(lambda: fired(server, "TR_Soon"), "the first fire")[0]
    assert datetime.fromisoformat(run["triggerRunTimestamp"]) >= start
    assert run["properties"]["ScheduleTime"].startswith(begin[:-1])
    assert fired(server, "TR_Past") == []


def on_trigger(name):
    reference = {"referenceName": name, "type": "TriggerReference"}
    return {"type": "TumblingWindowTriggerDependencyReference", "referenceTrigger": reference}


def test_a_window_that_depends_on_another_triggers_waits_for_just_that_one(serve):
    """The first window's run upstream never ends here: its follower waits, the later ones do not."""
    start = (datetime.now(UTC) - timedelta(hours=3, minutes=10)).replace(microsecond=0)
    first = start.isoformat().replace("+00:00", "Z")
    begun = {"startTime": first}
    upstream = pipeline(
        "PL_Upstream",
        [
            activity(
                "Slow",
                "Wait",
                waitTimeInSeconds=expression(f"@if(equals(pipeline().parameters.from, '{first}'), 600, 1)"),
            )
        ],
        parameters={"from": {"type": "String"}},
    )
    from_window = {"from": expression("@trigger().outputs.windowStartTime")}
    server = serve(
        upstream,
        WINDOWED,
        tumbling("TR_Up", "PL_Upstream", parameters=from_window, state="Stopped", **begun),
        tumbling("TR_Down", "PL_Window", parameters=from_window, **begun, dependsOn=[on_trigger("TR_Up")]),
    )
    assert fired(server, "TR_Down") == []
    assert server.call("POST", "/triggers/TR_Up/start").status_code == 200
    down = wait_for(lambda: fired(server, "TR_Down")[1:] and fired(server, "TR_Down"), "two windows downstream")
    up = {run["properties"]["WindowStartTime"]: run for run in fired(server, "TR_Up")}
    assert sorted(run["properties"]["WindowStartTime"] for run in down) == sorted(up.keys() - {first})
    assert all(
        run["triggerRunTimestamp"]
        > server.run(up[run["properties"]["WindowStartTime"]]["triggeredPipelines"]["PL_Upstream"])["runEnd"]
        for run in down
    )

    server.kill()
    server.start()
    slow = up[first]["triggeredPipelines"]["PL_Upstream"]
    assert server.ended(slow)["status"] == "Failed"
    assert server.call("POST", f"/triggers/TR_Up/triggerRuns/{up[first]['triggerRunId']}/rerun").status_code == 200
    wait_for(lambda: len(fired(server, "TR_Up")) == 4, "the first window's run once more")
    assert len(fired(server, "TR_Down")) == 2


def test_a_window_waits_for_its_own_earlier_one_and_goes_on_when_that_is_mended(serve):
    own = {"type": "SelfDependencyTumblingWindowTriggerReference", "offset": "-01:00:00", "size": "01:00:00"}
    server = serve(pipeline("PL_Flow", [fail("Break")]), tumbling("TR", "PL_Flow", dependsOn=[own]))
    run = wait_for(lambda: [run for run in fired(server, "TR") if run["status"] == "Failed"], "the first window")[0]
    assert len(fired(server, "TR")) == 1
    mended = pipeline("PL_Flow", [set_variable("Set", "v", "x")], variables={"v": {"type": "String"}})
    assert server.put("pipelines", "PL_Flow", mended.properties).status_code == 200
    assert len(fired(server, "TR")) == 1
    assert server.call("POST", f"/triggers/TR/triggerRuns/{run['triggerRunId']}/rerun").status_code == 200
    runs = wait_for(lambda: fired(server, "TR")[3:] and fired(server, "TR"), "all windows")
    starts = [run["properties"]["WindowStartTime"] for run in runs]
    assert starts[0] == starts[1]
    assert starts[1:] == sorted(set(starts))


def test_a_trigger_that_depends_on_one_that_is_not_there_says_so(serve):
    server = serve(WINDOWED, tumbling("TR", "PL_Window", dependsOn=[on_trigger("TR_None")]))
    run = wait_for(lambda: fired(server, "TR"), "what is wrong")[0]
    assert run["status"] == "Failed"
    assert "TR_None" in run["message"]
