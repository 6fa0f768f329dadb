"""What Data Factory's API refuses, with Azure's status, code and a message that helps; how paths and runs behave."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.local_server import EVER, FACTORY, wait_for

WAIT = {"type": "Wait", "typeProperties": {"waitTimeInSeconds": 0}}


def activities(*after, **fields):
    """A pipeline's properties: activities A, B, ... of which each waits for those named."""
    entries = [
        {
            "name": chr(ord("A") + number),
            **WAIT,
            "dependsOn": [{"activity": name, "dependencyConditions": ["Succeeded"]} for name in names],
        }
        for number, names in enumerate(after)
    ]
    return {"activities": entries, **fields}


def call(child):
    reference = {"referenceName": child, "type": "PipelineReference"}
    properties = {"pipeline": reference, "waitOnCompletion": True}
    return {"activities": [{"name": "Call", "type": "ExecutePipeline", "typeProperties": properties}]}


def refusal(answer, status=400):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "target", "details"}
    return error


@pytest.mark.parametrize(
    ("properties", "word"),
    [
        (activities([], []) | {"activities": [{"name": "A", **WAIT}, {"name": "A", **WAIT}]}, "A"),
        (activities(["B"], ["A"]), "A -> B -> A"),
        (activities(["Z"]), "Z"),
        (activities(*([[]] * 20)) | {"activities": [{"name": f"A{n}", **WAIT} for n in range(121)]}, "121 activities"),
        (activities([], concurrency=51), "concurrency"),
        ({"activities": "none"}, "activities"),
        ({"activities": [{"name": "A", "type": "WebActivity", "typeProperties": {"url": "x"}}]}, "method"),
        (activities([], parameters={"p": {"type": "Date"}}), "parameters.p"),
        (call("PL_Nowhere"), "invalid reference 'pl_nowhere'"),
    ],
)
def test_a_pipeline_that_azure_refuses_is_refused_with_its_place(server, properties, word):
    error = refusal(server.put("pipelines", "PL_Wrong", properties))
    assert word in error["message"]
    assert server.call("GET", "/pipelines/PL_Wrong").status_code == 404


def test_pipelines_that_would_call_each_other_for_ever_are_refused(server):
    assert server.put("pipelines", "PL_Round", activities([])).status_code == 200
    assert server.put("pipelines", "PL_Trip", call("PL_Round")).status_code == 200
    assert "PL_Round" in refusal(server.put("pipelines", "PL_Round", call("PL_Trip")))["message"]
    assert "pl_self" in refusal(server.put("pipelines", "PL_Self", call("PL_Self")))["message"].lower()


@pytest.mark.parametrize("name", ["a.b", "a/b", "a*b", "-a", "a<b", "x" * 261, "%00"])
def test_a_name_that_azure_does_not_take_is_refused(server, name):
    assert server.put("pipelines", name, activities([])).status_code in (400, 404)


@pytest.mark.parametrize(
    "body", ["{", "[]", '"text"', "null", "{}", '{"properties": []}', '{"properties": NaN}', "\ufeff{"]
)
def test_a_body_that_is_no_document_is_refused(server, body):
    answer = server.client.put(
        f"{server.url}{FACTORY}/pipelines/x",
        params={"api-version": "2018-06-01"},
        headers={"Authorization": f"Bearer {server.token}"},
        content=body.encode(),
    )
    assert refusal(answer)["code"] in ("InvalidRequestContent", "BadRequest")


def test_the_version_of_the_api_is_wanted(server):
    for query, code in (
        ({}, "MissingApiVersionParameter"),
        ({"api-version": "2020-01-01"}, "InvalidApiVersionParameter"),
    ):
        answer = server.client.get(
            f"{server.url}{FACTORY}/pipelines", params=query, headers={"Authorization": f"Bearer {server.token}"}
        )
        assert refusal(answer)["code"] == code


def test_paths_ignore_case_and_ids_echo_the_request(server):
    odd = "/SUBSCRIPTIONS/MySub/resourcegroups/My%20Group/PROVIDERS/microsoft.DataFactory/Factories/MyFactory"
    answer = server.client.get(
        f"{server.url}{odd}/PIPELINES/pl_good",
        params={"API-Version": "2018-06-01"},
        headers={"Authorization": f"bearer {server.token}"},
    )
    assert answer.status_code == 200
    assert answer.json()["name"] == "PL_Good"
    assert answer.json()["id"].startswith(odd)


def test_what_is_not_there_is_404_and_a_wrong_method_405(server):
    assert refusal(server.call("GET", "/pipelines/Nope"), 404)["code"] == "ResourceNotFound"
    assert refusal(server.call("GET", "/pipelineruns/nope"), 404)["code"] == "PipelineRunNotFound"
    refusal(server.call("POST", "/pipelines/Nope/createRun", {}), 404)
    refusal(server.call("POST", "/triggers/Nope/start"), 404)
    refusal(server.call("GET", "/nothing"), 404)
    assert "POST" in refusal(server.call("GET", "/queryPipelineRuns"), 405)["message"]
    assert server.call("DELETE", "/pipelines/Nope").status_code == 204


@pytest.mark.parametrize(
    ("given", "word"),
    [({}, "number"), ({"number": "x"}, "number"), ({"number": 1, "list": "x"}, "list"), ({"number": 1, "no": 1}, "no")],
)
def test_wrong_parameters_start_nothing_and_are_named(server, given, word):
    before = len(server.runs())
    error = refusal(server.call("POST", "/pipelines/PL_Typed/createRun", given))
    assert word in error["message"]
    assert "--param" not in error["message"]
    assert len(server.runs()) == before


def test_what_cannot_run_here_is_published_and_its_run_refused_by_name(server):
    copied = server.call("GET", "/pipelines/PL_Unsupported").json()["properties"]
    error = refusal(server.call("POST", "/pipelines/PL_Unsupported/createRun", {}))
    assert "HDInsightPig" in error["message"]
    assert copied["activities"][0]["type"] == "HDInsightPig"


def test_a_rerun_has_the_old_parameters_unless_given_others_and_names_what_is_not_there(server):
    first = server.create_run("PL_Typed", {"number": 7})
    server.ended(first)
    again = server.create_run("PL_Typed", {}, referencePipelineRunId=first, isRecovery="true")
    other = server.create_run("PL_Typed", {"number": 8}, referencePipelineRunId=first)
    assert server.ended(again)["parameters"]["number"] == 7
    assert server.ended(other)["parameters"]["number"] == 8
    assert (server.run(again)["runGroupId"], server.run(first)["isLatest"]) == (first, False)
    assert server.run(other)["runGroupId"] == other
    for query, code in (
        ({"referencePipelineRunId": "nope"}, "ReferencedPipelineRunNotValid"),
        ({"referencePipelineRunId": first, "isRecovery": "true", "startActivityName": "Nope"}, "InvalidStartActivity"),
        ({"referencePipelineRunId": first, "isRecovery": "perhaps"}, "BadRequest"),
        ({"startFromFailure": "true"}, "BadRequest"),
    ):
        assert refusal(server.call("POST", "/pipelines/PL_Typed/createRun", {}, query=query))["code"] == code
    wrong = server.call("POST", "/pipelines/PL_Good/createRun", {}, query={"referencePipelineRunId": first})
    assert refusal(wrong)["code"] == "ReferencedPipelineRunNotValid"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {**EVER, "lastUpdatedAfter": "soon"},
        {**EVER, "filters": [{"operand": "Nope", "operator": "Equals", "values": ["x"]}]},
        {**EVER, "filters": [{"operand": "Status", "operator": "Like", "values": ["x"]}]},
        {**EVER, "filters": [{"operand": "Status", "operator": "Equals", "values": []}]},
        {**EVER, "orderBy": [{"orderBy": "RunStart", "order": "UP"}]},
        {**EVER, "continuationToken": "x"},
        {**EVER, "continuationToken": 1},
    ],
)
def test_a_query_that_is_wrong_is_refused(server, query):
    for path in ("/queryPipelineRuns", "/queryTriggerRuns"):
        refusal(server.call("POST", path, query))


def test_runs_beyond_the_concurrency_wait_and_start_in_their_order(server):
    runs = [server.create_run("PL_One") for _ in range(3)]
    server.until(runs[0], "InProgress")
    assert [server.run(run_id)["status"] for run_id in runs] == ["InProgress", "Queued", "Queued"]
    server.call("POST", f"/pipelineruns/{runs[0]}/cancel")
    server.until(runs[1], "InProgress")
    assert server.run(runs[2])["status"] == "Queued"
    for run_id in runs[1:]:
        server.call("POST", f"/pipelineruns/{run_id}/cancel")
        server.ended(run_id)


def test_fifty_runs_go_on_at_once(server):
    runs = [server.create_run("PL_Slow") for _ in range(50)]
    wait_for(lambda: all(server.run(run_id)["status"] == "InProgress" for run_id in runs), "fifty runs in progress")
    for run_id in runs:
        server.call("POST", f"/pipelineruns/{run_id}/cancel")
    assert {server.ended(run_id)["status"] for run_id in runs} == {"Cancelled"}


def test_a_cancel_reaches_the_called_run_only_when_it_is_recursive(server):
    for recursive in (False, True):
        parent = server.create_run("PL_Parent")
        child = wait_for(
            lambda parent=parent: [run for run in server.runs() if run["invokedBy"].get("pipelineRunId") == parent],
            "the called run",
        )[0]["runId"]
        server.until(child, "InProgress")
        server.call("POST", f"/pipelineruns/{parent}/cancel", query={"isRecursive": str(recursive).lower()})
        assert server.ended(parent)["status"] == "Cancelled"
        if recursive:
            assert server.ended(child)["status"] == "Cancelled"
        else:
            assert server.run(child)["status"] == "InProgress"
            server.call("POST", f"/pipelineruns/{child}/cancel")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "name", "activities", "typeProperties", "pipelines", "recurrence", "values", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["pipelines", "triggers", "datasets", "linkedservices"]), values)
def test_no_document_however_odd_breaks_the_server(server, collection, value):
    answer = server.call("PUT", f"/{collection}/Odd", {"properties": value})
    assert answer.status_code in (200, 400), (json.dumps(value), answer.text)
    if answer.status_code == 200:
        assert server.page(f"/{collection}/Odd").status_code in (200, 404), json.dumps(value)
        assert server.page(f"/{collection}").status_code in (200, 404), json.dumps(value)
        assert server.call("POST", f"/{collection}/Odd/createRun", {}).status_code < 500, json.dumps(value)
        assert server.call("DELETE", f"/{collection}/Odd").status_code == 200
