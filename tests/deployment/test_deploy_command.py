"""The deploy command: exit statuses, what it prints, what it leaves behind.

What depends on being a process runs as one; the rest calls the command here, for the SDKs take seconds to import.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import deploy as deploy_command
from bundle.environments import AzureSettings
from deployment.connections import Patience
from deployment.trigger_run import run_page
from fakes.bundles import linked_service, pipeline, schedule_trigger
from fakes.cloud import Cloud
from fakes.http_service import Fault

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "scripts" / "deploy.py"

Deploy = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def deploy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Deploy]:
    """Return a function that calls the command in this process, in the bundle's folder."""
    monkeypatch.chdir(cloud.bundle.root)
    monkeypatch.setenv("AZURE_ACCESS_TOKEN", "t")
    monkeypatch.setattr("deployment.connections.PATIENCE", Patience(answer=60, backoff=0, poll=0.01, settle=60))
    monkeypatch.setattr("deployment.apply.ROLLBACK_WAITS", (0.0, 0.0))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        try:
            status = deploy_command.main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def deploy_process(cloud: Cloud) -> Deploy:
    """Return a function that runs the command as a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(DEPLOY), *arguments],
            cwd=cloud.bundle.root,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


def environment() -> dict[str, str]:
    return {**os.environ, "AZURE_ACCESS_TOKEN": "t", "DATABRICKS_TOKEN": "t"}


def env(cloud: Cloud) -> tuple[str, str]:
    return ("--env", str(cloud.environment_file()))


def test_help_is_there_at_once() -> None:
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, DEPLOY, "--help"], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Of the processor, not of the clock: the machine may have others to serve.
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert "validate" in done.stdout
    assert min(seconds) < 0.3


def test_help_imports_no_sdk() -> None:
    code = "import sys, deploy\ntry: deploy.main(['--help'])\nexcept SystemExit: pass\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=DEPLOY.parent, capture_output=True, text=True, check=True)
    assert "azure" not in done.stdout.splitlines()[-1]
    assert "databricks" not in done.stdout.splitlines()[-1]


def test_plan_says_two_for_changes_and_zero_for_none(cloud: Cloud, deploy_process: Deploy) -> None:
    before = cloud.state()
    planned = deploy_process("plan", *env(cloud))
    assert planned.returncode == 2
    assert planned.stderr == f"signing in, then asking adf-test and {cloud.workspace.url}\n"
    assert "+ create pipeline/PL_Child" in planned.stdout
    assert cloud.state() == before
    applied = deploy_process("apply", *env(cloud))
    assert applied.returncode == 0, applied.stderr
    snapshot = applied.stdout.splitlines()[-1].removeprefix("snapshot: ")
    assert (cloud.bundle.root / snapshot).is_file()
    again = deploy_process("plan", *env(cloud))
    assert again.returncode == 0, again.stdout
    assert "0 to create, 0 to update, 0 to delete" in again.stdout


def test_plan_shows_each_path_with_its_old_and_new_value(cloud: Cloud, deploy: Deploy) -> None:
    cloud.apply()
    cloud.bundle.put("pipeline", pipeline("PL_Parent", calls="PL_Child", concurrency=7))
    done = deploy("plan", *env(cloud))
    assert done.returncode == 2
    assert "~ update pipeline/PL_Parent\n      properties.concurrency: 1 -> 7\n" in done.stdout
    assert "= unchanged pipeline/PL_Child" in done.stdout


def test_json_is_all_of_stdout(cloud: Cloud, deploy: Deploy) -> None:
    planned = json.loads(deploy("plan", "--json", *env(cloud)).stdout)
    assert planned["summary"] == {"create": 11, "update": 0, "delete": 0, "unchanged": 0}
    assert {"operation", "kind", "name", "changes"} <= planned["actions"][0].keys()
    applied = json.loads(deploy("apply", "--json", *env(cloud)).stdout)
    assert applied["status"] == "applied"
    assert (cloud.bundle.root / applied["snapshot"]).is_file()
    restored = json.loads(deploy("rollback", applied["snapshot"], "--json", *env(cloud)).stdout)
    assert "pipeline/PL_Child" in restored["restored"]


def test_rollback_puts_back_what_an_apply_changed(cloud: Cloud, deploy: Deploy) -> None:
    cloud.apply()
    before = cloud.state()
    cloud.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Child", hours=[5]))
    cloud.bundle.put("pipeline", pipeline("PL_New"))
    cloud.bundle.remove("pipeline", "PL_Old")
    applied = deploy("apply", *env(cloud))
    assert applied.returncode == 0, applied.stderr
    assert cloud.state() != before
    snapshot = applied.stdout.splitlines()[-1].removeprefix("snapshot: ")
    back = deploy("rollback", snapshot, *env(cloud))
    assert (back.returncode, back.stderr.count("Error")) == (0, 0), back.stderr
    assert cloud.state() == before
    assert deploy("rollback", snapshot, *env(cloud)).stdout == "nothing to put back\n"


def test_a_saved_plan_is_applied_as_it_was_reviewed(cloud: Cloud, deploy: Deploy) -> None:
    assert deploy("plan", "--out", "plan.json", *env(cloud)).returncode == 2
    done = deploy("apply", "plan.json", *env(cloud))
    assert done.returncode == 0, done.stderr
    assert cloud.factory.states["TR_Daily"] == "Started"


def test_a_stale_plan_is_refused_and_nothing_is_changed(cloud: Cloud, deploy: Deploy) -> None:
    cloud.apply()
    cloud.bundle.put("pipeline", pipeline("PL_Parent", calls="PL_Child", concurrency=7))
    deploy("plan", "--out", "plan.json", *env(cloud))
    cloud.factory.seed("pipeline", pipeline("PL_Parent", calls="PL_Child", concurrency=9))
    cloud.forget()
    before = cloud.state()
    done = deploy("apply", "plan.json", *env(cloud))
    assert done.returncode == 1
    assert "stale" in done.stderr
    assert "pipeline/PL_Parent: is not what the plan was made from" in done.stderr
    assert cloud.state() == before
    assert cloud.factory.writes == cloud.workspace.writes == []


@pytest.mark.parametrize("content", ["", "{}", '{"version": 99}', "[1]"])
def test_a_file_that_is_no_plan_is_refused(cloud: Cloud, deploy: Deploy, content: str) -> None:
    (cloud.bundle.root / "plan.json").write_text(content, encoding="utf-8")
    done = deploy("apply", "plan.json", *env(cloud))
    assert done.returncode == 1
    assert "plan.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert cloud.factory.requests == []


def test_wrong_arguments_are_an_error_and_not_a_plan_with_changes(deploy_process: Deploy) -> None:
    assert deploy_process("plan").returncode == 1
    assert deploy_process("plan", "--env", "nowhere").returncode == 1


def test_two_applies_at_once_end_with_one_done_and_one_told(cloud: Cloud, deploy_process: Deploy) -> None:
    cloud.factory.latency = 0.05
    arguments = ("apply", *env(cloud))
    with ThreadPoolExecutor(2) as pool:
        done = sorted(pool.map(lambda _: deploy_process(*arguments), range(2)), key=lambda process: process.returncode)
    assert [process.returncode for process in done] == [0, 1]
    assert "locked by" in done[1].stderr or "stale" in done[1].stderr
    puts = [call for call in cloud.factory.writes if call.startswith("PUT")]
    assert len(puts) == len(set(puts)) == 7
    assert cloud.factory.states == {"TR_Daily": "Started", "TR_Kept": "Started"}
    assert cloud.locks() == []


def test_an_interrupted_apply_rolls_back(cloud: Cloud) -> None:
    cloud.apply()
    before = cloud.state()
    cloud.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Child", hours=[5]))
    cloud.bundle.put("pipeline", pipeline("PL_New"))
    cloud.forget()
    cloud.factory.latency = 0.1
    process = subprocess.Popen(
        [sys.executable, str(DEPLOY), "apply", *env(cloud)],
        cwd=cloud.bundle.root,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while cloud.factory.states["TR_Daily"] == "Started" and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=240)
    assert process.returncode == 1, stderr
    assert "interrupted" in stderr
    assert "as it was before" in stderr
    assert cloud.state() == before
    assert cloud.locks() == []


def test_a_trigger_that_cannot_be_started_again_is_an_error(cloud: Cloud, deploy: Deploy) -> None:
    cloud.apply()
    cloud.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Child", hours=[5]))
    cloud.factory.cannot_start.add("TR_Daily")
    page = cloud.bundle.root / "summary.md"
    done = deploy("apply", *env(cloud), GITHUB_STEP_SUMMARY=str(page))
    assert done.returncode == 1
    assert "trigger/TR_Daily: is not as it was" in done.stderr
    assert "deploy.py rollback" in done.stderr
    assert "TR_Daily" in page.read_text(encoding="utf-8")
    assert cloud.factory.state()["states"] == {"TR_Daily": "Stopped", "TR_Kept": "Started"}


def test_the_step_summary_shows_the_plan_as_a_table(cloud: Cloud, deploy: Deploy) -> None:
    page = cloud.bundle.root / "summary.md"
    deploy("plan", *env(cloud), GITHUB_STEP_SUMMARY=str(page))
    text = page.read_text(encoding="utf-8")
    assert "### Deployment plan for test" in text
    assert "| create | `pipeline/PL_Child` |" in text
    deploy("apply", *env(cloud), GITHUB_STEP_SUMMARY=str(page))
    assert "### Deployed to test" in page.read_text(encoding="utf-8")


def test_secrets_are_shown_nowhere(cloud: Cloud, deploy: Deploy) -> None:
    cloud.environment_options["more"] = (
        '[overrides."linkedService/LS_Vault"]\n"properties.typeProperties.password.value" = "${SQL_PASSWORD}"\n'
    )
    secret = {"type": "SecureString", "value": "old-hunter2"}
    cloud.bundle.put(
        "linkedService", linked_service("LS_Vault", password=secret, connectionString="Password=old-hunter2")
    )
    variables = {"SQL_PASSWORD": "new-hunter2", "GITHUB_STEP_SUMMARY": str(cloud.bundle.root / "summary.md")}
    first = deploy("apply", *env(cloud), **variables)
    assert first.returncode == 0, first.stderr
    cloud.factory.objects["linkedService", "LS_Vault"]["typeProperties"]["connectionString"] = "Password=older-hunter2"
    plan = deploy("plan", "--json", "--out", "plan.json", *env(cloud), **variables)
    assert plan.returncode == 2
    shown = [plan.stdout, plan.stderr, first.stdout, first.stderr]
    shown += [(cloud.bundle.root / file).read_text(encoding="utf-8") for file in ("plan.json", "summary.md")]
    assert all("hunter2" not in text for text in shown)
    assert "***" in plan.stdout


def test_a_server_that_is_not_there_is_an_error_without_a_traceback(cloud: Cloud, deploy: Deploy) -> None:
    cloud.factory.faults.every = lambda _method, path: Fault.REFUSE if "pipelines" in path else None
    done = deploy("plan", *env(cloud))
    assert done.returncode == 1
    assert "list of pipeline objects: the factory answered 400: BadRequest: refused on order" in done.stderr
    assert "Traceback" not in done.stderr


def failing_play(cloud: Cloud) -> Callable[[str, str, dict[str, Any]], None]:
    def play(pipeline_name: str, run_id: str, parameters: dict[str, Any]) -> None:
        child = {
            "activityName": "RunNotebook",
            "activityType": "DatabricksNotebook",
            "status": "Failed",
            "error": {"errorCode": "3204", "message": "Databricks execution failed"},
            "output": {"runPageUrl": "https://adb.example/?#job/1/run/2"},
        }
        caller = {
            "activityName": "Call",
            "activityType": "ExecutePipeline",
            "status": "Failed",
            "error": {"errorCode": "BadRequest", "message": "Operation on target RunNotebook failed"},
            "output": {"pipelineRunId": f"{run_id}-child"},
        }
        others = [{"activityName": f"Other{number}", "status": "Succeeded", "output": {}} for number in range(3)]
        cloud.factory.add_run(f"{run_id}-child", "PL_Child", ["Failed"], activities=[child])
        cloud.factory.add_run(
            run_id,
            pipeline_name,
            ["InProgress", "Failed"],
            parameters=parameters,
            activities=[*others, caller],
            message="Operation on target Call failed",
        )

    return play


def test_trigger_waits_for_the_run_and_says_what_failed_in_it_and_in_its_children(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.apply()
    monkeypatch.setattr(cloud.factory, "play", failing_play(cloud))
    done = deploy("trigger", "PL_Parent", "--wait", *env(cloud))
    assert done.returncode == 1
    assert "PL_Parent: Failed" in done.stdout
    assert (
        "PL_Child.RunNotebook: 3204: Databricks execution failed (run page: https://adb.example/?#job/1/run/2)"
        in done.stdout
    )
    assert f"{cloud.factory.url}/runs/" in done.stdout
    assert "Succeeded   PL_Parent.Other2" in done.stderr
    assert len(cloud.factory.started_runs) == 1


def test_trigger_reads_parameters_by_their_declared_types(cloud: Cloud, deploy: Deploy) -> None:
    declared = {"count": {"type": "String"}, "size": {"type": "Int"}, "flag": {"type": "Bool", "defaultValue": False}}
    cloud.bundle.put("pipeline", pipeline("PL_Child", parameters=declared))
    cloud.apply()
    done = deploy("trigger", "PL_Child", "--param", "count=601", "--param", "size=3", "--wait", "--json", *env(cloud))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "Succeeded"
    assert cloud.factory.started_runs == [("PL_Child", {"count": "601", "size": 3})]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--param", "size=many"], "size: 'many' is no Int."),
        (["--param", "size=1", "--param", "other=1"], "other: no parameter of PL_Child; it has size."),
        ([], "size: is required. Give --param size=VALUE."),
        (["--param", "size"], "--param size: is written NAME=VALUE."),
    ],
)
def test_trigger_starts_nothing_with_wrong_parameters(
    cloud: Cloud, deploy: Deploy, given: list[str], said: str
) -> None:
    cloud.bundle.put("pipeline", pipeline("PL_Child", parameters={"size": {"type": "Int"}}))
    cloud.apply()
    done = deploy("trigger", "PL_Child", *given, *env(cloud))
    assert done.returncode == 1
    assert said in done.stderr
    assert cloud.factory.started_runs == []


def test_trigger_without_wait_prints_the_run_and_ends(cloud: Cloud, deploy: Deploy) -> None:
    cloud.apply()
    done = deploy("trigger", "PL_Child", *env(cloud))
    assert done.returncode == 0
    assert done.stdout.strip() in cloud.factory.runs


def test_trigger_of_an_unknown_pipeline_is_an_error(cloud: Cloud, deploy: Deploy) -> None:
    done = deploy("trigger", "PL_None", "--wait", *env(cloud))
    assert done.returncode == 1
    assert "pipeline/PL_None: the factory adf-test has no such pipeline" in done.stderr


def test_validate_passes_the_bundle_that_is_shipped(deploy: Deploy) -> None:
    done = deploy("validate", "--adf", str(REPOSITORY / "adf"), "--notebooks", str(REPOSITORY / "notebooks"))
    assert (done.returncode, done.stdout) == (0, "")


def test_validate_prints_one_line_a_finding(cloud: Cloud, deploy: Deploy) -> None:
    cloud.bundle.put("pipeline", pipeline("PL_Parent", calls="PL_Nowhere"))
    done = deploy("validate")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if "PL_Nowhere" in line]
    assert len(lines) == 1
    assert lines[0].startswith(
        "adf/pipeline/PL_Parent.json: $.properties.activities[1].typeProperties.pipeline.referenceName: "
    )
    assert lines[0].endswith("]")


def test_validate_sums_up_by_rule_and_counts_warnings_as_errors_when_strict(cloud: Cloud, deploy: Deploy) -> None:
    cloud.bundle.change("pipeline", "PL_Child", strange=1)
    done = deploy("validate")
    assert done.returncode == 0
    assert done.stdout.endswith("unknown key [unknown-key, warning]\n")
    assert "0 errors, 1 warnings\n     1  warning  unknown-key\n" in done.stderr
    strict = deploy("validate", "--strict")
    assert strict.returncode == 1
    assert "1 errors, 0 warnings" in strict.stderr


def test_validate_prints_its_findings_as_json(cloud: Cloud, deploy: Deploy) -> None:
    cloud.bundle.change("pipeline", "PL_Child", strange=1)
    answer = json.loads(deploy("validate", "--json").stdout)
    assert (answer["errors"], answer["warnings"]) == (0, 1)
    assert answer["rules"] == [{"rule": "unknown-key", "severity": "warning", "count": 1}]
    (finding,) = answer["findings"]
    assert finding == {
        "file": "adf/pipeline/PL_Child.json",
        "path": "$.properties.strange",
        "message": "unknown key",
        "rule": "unknown-key",
        "severity": "warning",
    }


def test_the_policy_is_asked_of_another_factory_when_that_is_wanted(cloud: Cloud, deploy: Deploy) -> None:
    file = cloud.bundle.root / "team.toml"
    file.write_text('[policy]\nretry-given = "off"\n', encoding="utf-8")
    assert "timeout-given" not in deploy("validate").stdout
    assert "[timeout-given, warning]" in deploy("validate", "--policy").stdout
    own = deploy("validate", "--env", str(file)).stdout
    assert "[timeout-given, warning]" in own
    assert "retry-given" not in own


def test_validate_explains_a_rule(deploy: Deploy) -> None:
    done = deploy("validate", "--explain", "inline-secret")
    assert done.returncode == 0
    assert done.stdout.startswith("inline-secret (warning; under the policy: error)\n\nNo secret in a file")
    unknown = deploy("validate", "--explain", "inline-secrets")
    assert unknown.returncode == 1
    assert "inline-secrets: no such rule; is 'inline-secret' meant?" in unknown.stderr


def test_a_folder_that_holds_no_factory_is_one_line(deploy: Deploy) -> None:
    done = deploy("validate", "--adf", "nowhere")
    assert done.returncode == 1
    assert done.stderr == "deploy.py: nowhere: no such folder. Point --adf at a factory's Git root.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "--env", "nope.toml"), "nope.toml: no such environment file."),
        (("validate", "--env", "nope.toml"), "nope.toml: no such environment file."),
        (
            ("apply", "--env", "nope.toml", "nofile"),
            "nofile: no plan that `plan --out` wrote: No such file",
        ),
        (("trigger", "P", "--env", "nope.toml"), "nope.toml: no such environment file."),
        (("rollback", "--env", "nope.toml", "s"), "nope.toml: no such environment file."),
    ],
)
def test_a_mistake_is_one_line_and_every_verb_shows_the_rest_when_verbose(
    arguments: tuple[str, ...], said: str, deploy: Deploy
) -> None:
    short, long = deploy(*arguments), deploy(*arguments, "--verbose")

    assert (short.returncode, long.returncode) == (1, 1)
    assert short.stderr.startswith(f"deploy.py: {said}")
    assert short.stderr.count("\n") == 1
    assert long.stderr.startswith(f"{short.stderr}")
    assert "Traceback (most recent call last):\n" in long.stderr.removeprefix(short.stderr)


@pytest.mark.parametrize(
    ("command", "status"),
    [(("deploy.py", "validate"), 1), (("deploy.py", "plan", "--env", "dev"), 1), (("run_local.py", "PL_Ingest"), 2)],
)
def test_a_python_without_the_dependencies_is_one_line_that_names_the_right_one(
    command: tuple[str, ...], status: int
) -> None:
    # -S: a Python that has nothing but its standard library.
    line = [sys.executable, "-S", "-E", str(REPOSITORY / "scripts" / command[0]), *command[1:]]
    done = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{command[0]}: {sys.executable} has no ")
    assert ".venv/bin/python" in done.stderr


def test_notebooks_that_are_not_there_are_not_taken_for_none(deploy: Deploy) -> None:
    done = deploy("validate", "--notebooks", "nowhere")

    assert done.returncode == 1
    assert "argument --notebooks: nowhere: no such folder" in done.stderr


def test_the_environments_that_are_shipped_fit_the_bundle(
    cloud: Cloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    variables = {
        "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
        "AZURE_RESOURCE_GROUP": "rg-test",
        "DATA_FACTORY_NAME": "adf-test",
        "DATABRICKS_HOST": cloud.workspace.url,
        "DATABRICKS_RESOURCE_ID": "/subscriptions/s/workspaces/w",
        "AZURE_CLIENT_ID": "deployer",
        "PIPELINE_APPLICATION_ID": "app-pipelines",
        "SIGN_IN": "token",
        "KEY_VAULT_URL": "https://kv-test.vault.azure.net/",
        "OPERATIONS_VAULT_URL": "https://kv-ops-test.vault.azure.net/",
        "STORAGE_ACCOUNT_NAME": "sttest",
        "SQL_SERVER_NAME": "sql-test",
        "CLUSTER_POLICY_ID": "0123456789ABCDEF",
        "AZURE_TENANT_ID": "11111111-1111-1111-1111-111111111111",
        "LOG_INGESTION_URL": "https://dcr-test.ingest.monitor.azure.com/streams/Custom-NotebookSteps",
    }
    bundle = ("--adf", str(REPOSITORY / "adf"), "--notebooks", str(REPOSITORY / "notebooks"))
    for name in ("dev", "prod"):
        text = (REPOSITORY / f"infra/environments/{name}.toml").read_text(encoding="utf-8")
        local = text.replace("[azure]\n", f'[azure]\nmanagement_url = "{cloud.factory.url}"\n')
        file = tmp_path / f"{name}.toml"
        file.write_text(local, encoding="utf-8")
        done = deploy("apply", *bundle, "--env", str(file), **variables)
        assert done.returncode == 0, done.stderr
        assert deploy("plan", *bundle, "--env", str(file)).returncode == 0
    vault = cloud.factory.objects["linkedService", "AzureKeyVaultLinkedService"]
    assert vault["typeProperties"]["baseUrl"] == "https://kv-ops-test.vault.azure.net/"
    databricks = cloud.factory.objects["linkedService", "AzureDatabricksLinkedService"]["typeProperties"]
    assert databricks["policyId"] == variables["CLUSTER_POLICY_ID"]
    assert databricks["accessToken"]["secretName"] == "databricks-pat"
    assert databricks["newClusterSparkEnvVars"]["AZURE_TENANT_ID"] == variables["AZURE_TENANT_ID"]

    chosen = {"SIGN_IN": "managed-identity", "CREDENTIAL": "ingestion-dev", "COMPUTE": "serverless"}
    done = deploy("apply", *bundle, "--env", str(tmp_path / "dev.toml"), **chosen)
    assert done.returncode == 0, done.stderr
    databricks = cloud.factory.objects["linkedService", "AzureDatabricksLinkedService"]["typeProperties"]
    assert (databricks["authentication"], databricks["workspaceResourceId"]) == ("MSI", "/subscriptions/s/workspaces/w")
    assert "accessToken" not in databricks
    assert databricks["newClusterSparkEnvVars"]["CREDENTIAL"] == "ingestion-dev"
    countries = cloud.factory.objects["pipeline", "PL_Ingest_Country_Data"]["activities"][0]
    assert countries["type"] == "DatabricksJob"
    assert deploy("plan", *bundle, "--env", str(tmp_path / "dev.toml")).returncode == 0
    triggers = [
        json.loads(path.read_text(encoding="utf-8")) for path in (REPOSITORY / "adf" / "trigger").glob("*.json")
    ]
    assert cloud.factory.states == {one["name"]: one["properties"]["runtimeState"] for one in triggers}


def test_a_killed_apply_leaves_a_snapshot_that_rollback_puts_back_at_once(cloud: Cloud, deploy: Deploy) -> None:
    cloud.apply()
    before = cloud.state()
    cloud.bundle.put("trigger", schedule_trigger("TR_Daily", "PL_Child", hours=[5]))
    cloud.bundle.put("pipeline", pipeline("PL_New"))
    cloud.bundle.notebook("load", "changed")
    cloud.factory.latency = 0.1
    with (cloud.bundle.root / "said").open("w", encoding="utf-8") as said:
        command = [sys.executable, str(DEPLOY), "apply", *env(cloud)]
        process = subprocess.Popen(command, cwd=cloud.bundle.root, env=environment(), stderr=said)
        deadline = time.monotonic() + 60
        while cloud.factory.states["TR_Daily"] == "Started" and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait()
    cloud.factory.latency = 0
    assert cloud.state() != before
    assert len(cloud.locks()) == 1
    lines = (cloud.bundle.root / "said").read_text(encoding="utf-8").splitlines()
    (snapshot,) = [line.removeprefix("snapshot: ") for line in lines if line.startswith("snapshot: ")]
    done = deploy("rollback", snapshot, *env(cloud))
    assert done.returncode == 0, done.stderr
    assert cloud.state() == before
    assert cloud.locks() == []


def real_azure(cloud: Cloud) -> tuple[str, str]:
    """An environment of which the factory is in Azure itself."""
    file = cloud.environment_file()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f'management_url = "{cloud.factory.url}"\n', ""), encoding="utf-8")
    return "--env", str(file)


@pytest.mark.parametrize("verb", ["plan", "apply", "trigger"])
def test_without_a_login_to_azure_one_line_says_what_to_run(cloud: Cloud, tmp_path: Path, verb: str) -> None:
    # No az on the path, and nothing else is tried: the login of a person who never ran `az login`.
    variables = {"PATH": str(tmp_path), "HOME": str(tmp_path), "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}
    answer = subprocess.run(
        [sys.executable, str(DEPLOY), verb, *(["PL_Child"] if verb == "trigger" else []), *real_azure(cloud)],
        cwd=cloud.bundle.root,
        env={**variables, "DATABRICKS_TOKEN": "t"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert answer.returncode == 1
    said = [line for line in answer.stderr.splitlines() if not line.startswith("signing in")]
    assert len(said) == 1, answer.stderr
    assert said[0].startswith("deploy.py: no login to Azure: run `az login`; in a workflow, sign in before this step.")
    assert cloud.workspace.writes == []


def test_a_workspace_that_cannot_be_reached_is_said_at_once_and_what_is_asked_before(
    deploy: Deploy, cloud: Cloud
) -> None:
    file = cloud.environment_file()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(cloud.workspace.url, "http://127.0.0.1:9"), encoding="utf-8")
    began = time.monotonic()
    answer = deploy("plan", "--env", str(file))
    assert time.monotonic() - began < 240, "databricks-sdk itself would look for five minutes"
    assert answer.returncode == 1
    first, second = answer.stderr.splitlines()
    assert first == "signing in, then asking adf-test and http://127.0.0.1:9"
    assert second.startswith("deploy.py: http://127.0.0.1:9: cannot be reached: ")
    assert "DATABRICKS_HOST" in second


@pytest.mark.parametrize("verb", ["validate", "plan", "apply"])
def test_a_file_that_is_not_utf_8_is_one_line_of_every_verb(deploy: Deploy, cloud: Cloud, verb: str) -> None:
    (cloud.bundle.notebooks / "ingestion" / "latin1.py").write_bytes(b"X = 1\n# caf\xe9\n")
    answer = deploy(verb, *(() if verb == "validate" else env(cloud)))
    assert answer.returncode == 1
    lines = [line for line in (answer.stdout + answer.stderr).splitlines() if "latin1.py" in line]
    assert len(lines) == 1
    assert "line 2: is not UTF-8 (byte 0xe9)" in lines[0]


def test_a_run_in_azure_is_named_by_its_page_in_the_studio() -> None:
    page = run_page(AzureSettings("s", "rg", "adf"), "run-1")
    assert page.startswith("https://adf.azure.com/en/monitoring/pipelineruns/run-1?factory=%2Fsubscriptions%2Fs")
