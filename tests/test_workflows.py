"""The workflows: linters find nothing, no job has more rights than it needs, prod gets the plan that was reviewed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployment.snapshot import FOLDER

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
PROGRAMS = Path(sys.executable).parent
FILES = sorted([*GITHUB.glob("workflows/*.yml"), *GITHUB.glob("actions/*/action.yml")])
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - makes strings only
    for path in GITHUB.glob("workflows/*.yml")
}
JOBS = {f"{name}/{job}": body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()}
DEPLOY_STEPS = JOBS["deploy-environment/deploy"]["steps"]
PLAN_STEPS = JOBS["plan/plan"]["steps"]
TOKEN_STEPS = JOBS["token/renew"]["steps"]


def execute(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, **options)


def step(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(one for one in steps if one["name"].startswith(name))


def position(part: str) -> int:
    """Return where in a deployment a command stands, or an action is used."""
    return next(i for i, one in enumerate(DEPLOY_STEPS) if part in one.get("run", "") + one.get("uses", ""))


def scripts() -> list[str]:
    return [one["run"] for job in JOBS.values() for one in job.get("steps", []) if "run" in one]


def test_actionlint_finds_nothing():
    answer = execute(PROGRAMS / "actionlint", "-no-color", cwd=ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_zizmor_finds_nothing_however_pedantic():
    command = ["--offline", "--pedantic", "--strict-collection", "--no-progress", "--collect=all", ".github"]
    answer = execute(PROGRAMS / "zizmor", *command, cwd=ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for path in [*FILES, GITHUB / "dependabot.yml"]:
        assert f"completed .github/{path.relative_to(GITHUB)}" in answer.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GITHUB).as_posix())
def test_every_action_is_ours_or_pinned_to_a_commit_with_its_version(path):
    for use in re.findall(r"uses: *(.+)", path.read_text(encoding="utf-8")):
        if use.startswith("./"):
            assert (ROOT / use).exists(), use
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use)


def test_an_action_has_one_version_everywhere():
    uses = re.findall(r"uses: *(\w[\w/-]+)@(.+)", "\n".join(path.read_text(encoding="utf-8") for path in FILES))
    assert len(dict(uses)) == len(set(uses)) == 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(GITHUB).as_posix())
def test_no_secret_is_used_and_azure_is_entered_by_openid_connect_only(path):
    source = re.sub(r"(?m)#.*$", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"\bsecrets\b|creds:|client-secret|TOKEN:", source)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_gives_no_right_to_all_of_its_jobs(name):
    assert WORKFLOWS[name]["permissions"] == {}


@pytest.mark.parametrize("name", JOBS)
def test_every_job_names_its_rights_and_its_time(name):
    job = JOBS[name]
    assert job["permissions"].items() <= {"contents": "read", "id-token": "write"}.items()
    assert "uses" in job or 0 < int(job["timeout-minutes"]) <= 120


def test_no_checkout_leaves_githubs_token_behind():
    checkouts = [
        one for job in JOBS.values() for one in job.get("steps", []) if "actions/checkout@" in one.get("uses", "")
    ]
    assert len(checkouts) == 5
    assert all(one["with"]["persist-credentials"] == "false" for one in checkouts)


def test_only_jobs_in_a_github_environment_get_a_token_for_azure():
    for name, job in JOBS.items():
        if "uses" not in job:
            assert ("id-token" in job["permissions"]) == ("environment" in job), name
    for name, job in JOBS.items():
        if "uses" in job:
            called = WORKFLOWS[Path(job["uses"]).stem]["jobs"].values()
            assert job["permissions"] == {right: way for one in called for right, way in one["permissions"].items()}, (
                name
            )


def test_a_command_that_fails_in_a_pipe_fails_its_step():
    for name, workflow in WORKFLOWS.items():
        if any("steps" in job for job in workflow["jobs"].values()):
            assert workflow["defaults"]["run"]["shell"] == "bash", f"{name}: GitHub's own default has no pipefail"


def test_dev_is_deployed_after_the_checks_and_prod_after_devs_smoke_run():
    jobs = WORKFLOWS["deploy"]["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "checks": None,
        "dev": "checks",
        "plan-prod": "dev",
        "prod": "plan-prod",
    }
    assert jobs["dev"]["with"]["smoke-pipeline"] == "PL_Ingest_Country_Data"
    assert (ROOT / "adf/pipeline/PL_Ingest_Country_Data.json").is_file()
    assert jobs["checks"]["if"] == "github.ref == 'refs/heads/main'", "all others need it, so no other branch deploys"


def test_prod_gets_the_very_plan_that_was_made_before_the_approval():
    jobs = WORKFLOWS["deploy"]["jobs"]
    upload = next(one["with"] for one in PLAN_STEPS if "upload-artifact" in one.get("uses", ""))
    made = upload["name"].replace("${{ inputs.environment }}", jobs["plan-prod"]["with"]["environment"])
    assert jobs["prod"]["with"] == {"environment": "prod", "reviewed-plan": made}
    assert "plan.json" in upload["path"].split()
    assert "--out plan.json" in step(PLAN_STEPS, "Plan")["run"]

    assert JOBS["deploy-environment/deploy"]["environment"] == "${{ inputs.environment }}"
    download = DEPLOY_STEPS[position("download-artifact")]
    assert download["with"]["name"] == "${{ inputs.reviewed-plan }}"
    assert download["if"] == "inputs.reviewed-plan != ''"
    assert step(DEPLOY_STEPS, "Plan")["if"] == "inputs.reviewed-plan == ''", "no plan is made where one was reviewed"
    assert step(DEPLOY_STEPS, "Apply")["run"].endswith('apply --env "$ENVIRONMENT" plan.json')


def test_a_plan_before_the_approval_is_made_where_there_is_none_and_nothing_can_be_changed():
    assert JOBS["plan/plan"]["environment"] == "${{ inputs.environment }}-plan"
    source = " ".join(one.get("run", "") for one in PLAN_STEPS)
    assert re.findall(r"deploy\.py (\w+)", source) == ["plan"]
    assert re.findall(r"deploy\.sh .*?(what-if)? \|", source) == ["what-if"]
    assert "az " not in source


def test_infrastructure_comes_first_and_what_if_before_it():
    order = [position(part) for part in ("deploy.sh", "setup_workspace.py", "deploy.py plan", "deploy.py apply")]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("command", "identity"),
    [
        ("deploy.sh", "AZURE_INFRASTRUCTURE_CLIENT_ID"),
        ("setup_workspace.py", "AZURE_INFRASTRUCTURE_CLIENT_ID"),
        ("deploy.py apply", "AZURE_CLIENT_ID"),
        ("deploy.py trigger", "AZURE_CLIENT_ID"),
    ],
)
def test_every_long_step_has_a_sign_in_of_its_own(command, identity):
    end = position(command)
    start = max(i for i in range(end) if "sign-in" in DEPLOY_STEPS[i].get("uses", ""))
    assert DEPLOY_STEPS[start]["with"]["client-id"] == f"${{{{ vars.{identity} }}}}"
    between = " ".join(one.get("run", "") for one in DEPLOY_STEPS[start:end])
    assert not re.search(r"deploy\.sh|setup_workspace|deploy\.py (apply|trigger)", between)


def test_the_snapshot_is_kept_even_where_the_apply_failed():
    keep = step(DEPLOY_STEPS, "Keep the snapshot")
    assert keep["if"] == "always()"
    assert keep["with"]["path"] == FOLDER.as_posix()
    assert keep["with"]["include-hidden-files"] == "true", "its folder begins with a dot"


def test_one_deployment_at_a_time_in_an_environment_and_none_is_cancelled():
    for name, job in JOBS.items():
        if name.startswith("deploy-environment/"):
            assert job["concurrency"] == {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": "false"}
    assert "concurrency" not in WORKFLOWS["deploy"]
    assert "concurrency" not in WORKFLOWS["checks"], "a later push would cancel the checks of a deployment"


def test_every_push_and_pull_request_is_checked():
    assert WORKFLOWS["ci"]["on"] == {"push": {"branches-ignore": ["main"]}, "pull_request": ""}
    assert WORKFLOWS["deploy"]["on"]["push"] == {"branches": ["main"]}
    for name in ("ci", "deploy"):
        assert WORKFLOWS[name]["jobs"]["checks"]["uses"] == "./.github/workflows/checks.yml"
    assert ".ci/run" in scripts()


def test_a_pull_request_from_a_fork_gets_no_plan_but_the_reason():
    jobs = WORKFLOWS["ci"]["jobs"]
    assert "head.repo.full_name == github.repository" in jobs["plan"]["if"]
    assert "head.repo.full_name != github.repository" in jobs["no-plan"]["if"]
    assert jobs["no-plan"]["permissions"] == {}


def test_a_forks_reason_is_in_the_summary_and_beside_the_checks(run_step):
    answer = run_step(JOBS["ci/no-plan"]["steps"][0])
    assert answer.stdout.startswith("::notice::No plan against dev: pull requests from forks")
    assert (run_step.folder / "summary.md").read_text().startswith("No plan against dev")


@pytest.mark.parametrize(("status", "step_status"), [(0, 0), (1, 1), (2, 0), (130, 1)])
@pytest.mark.parametrize("steps", [PLAN_STEPS, DEPLOY_STEPS], ids=["plan", "deploy"])
def test_a_plan_with_changes_is_no_failure_and_an_error_is_one(run_step, steps, status, step_status):
    run_step.stub(".venv/bin/python", f'echo "### Plan" >> "$GITHUB_STEP_SUMMARY"; exit {status}')
    assert run_step(step(steps, "Plan")).returncode == step_status


def test_the_plan_is_kept_as_a_comment_too(run_step):
    run_step.stub(".venv/bin/python", 'echo "### Plan" >> "$GITHUB_STEP_SUMMARY"; exit 2')
    run_step(step(PLAN_STEPS, "Plan"))
    assert (run_step.folder / "plan.md").read_text() == "### Plan\n"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("", 0),
        ("WARNING: A new Bicep release is available: v9.9.9.", 0),
        ("WARNING: /r/infra/main.bicep(7,7) : Warning no-unused-params: Parameter x is declared but never used.", 1),
        ("/r/infra/modules/sql.bicep(1,1) : Error BCP018: Expected the = character.", 1),
    ],
)
def test_a_warning_of_the_bicep_compiler_fails_the_check(run_step, line, status):
    run_step.stub("bin/az", f"echo {shlex.quote(line)} >&2")
    assert run_step(step(JOBS["checks/bicep"]["steps"], "Lint")).returncode == status


def test_bicep_that_does_not_lint_fails_the_check_though_its_output_goes_through_a_pipe(run_step):
    run_step.stub("bin/az", "exit 1")
    assert run_step(step(JOBS["checks/bicep"]["steps"], "Lint")).returncode == 1


@pytest.mark.parametrize(("difference", "status"), [("", 0), ("echo changed >> infra/main.bicep", 1)])
def test_a_template_that_the_formatter_changes_fails_the_check(run_step, difference, status):
    for file in ("infra/main.bicep", "infra/modules/a.bicep", "infra/environments/dev.bicepparam"):
        (run_step.folder / file).parent.mkdir(parents=True, exist_ok=True)
        (run_step.folder / file).write_text("x\n")
    for command in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -qm x"):
        execute("git", *command.split(), cwd=run_step.folder)
    run_step.stub("bin/az", f'echo "$*" >> calls.txt; {difference or ":"}')
    assert run_step(step(JOBS["checks/bicep"]["steps"], "Format")).returncode == status
    assert len((run_step.folder / "calls.txt").read_text().splitlines()) == 3


def test_the_compiler_has_one_version_for_all_its_checks():
    steps = JOBS["checks/bicep"]["steps"]
    assert re.fullmatch(r"az bicep install --version v\d+\.\d+\.\d+", step(steps, "Install the compiler")["run"])
    assert [one["name"].split()[0].rstrip(";") for one in steps[1:]] == ["Install", "Build", "Format", "Lint", "Build"]


def test_the_token_is_renewed_every_week_and_by_hand_without_anyones_approval():
    assert WORKFLOWS["token"]["on"] == {"schedule": [{"cron": "23 4 * * 1"}], "workflow_dispatch": ""}
    job = JOBS["token/renew"]
    assert job["strategy"]["matrix"]["environment"] == ["dev", "prod"]
    assert job["environment"] == "${{ matrix.environment }}-token"
    assert job["if"] == "github.ref == 'refs/heads/main'"
    command = TOKEN_STEPS[-1]["run"]
    assert command.endswith("setup_workspace.py --only-token --fail-if-ending")
    help_text = execute(sys.executable, "scripts/setup_workspace.py", "--help", cwd=ROOT).stdout
    assert all(option in help_text for option in command.split() if option.startswith("--"))


def test_an_environment_without_a_renewer_is_said_and_nothing_is_run_there(run_step):
    first, *others = TOKEN_STEPS
    assert first["if"] == "vars.AZURE_CLIENT_ID == ''"
    assert {one["if"] for one in others} == {"vars.AZURE_CLIENT_ID != ''"}
    assert run_step(first).stdout.startswith("::notice::dev-token has no variables")


INFRASTRUCTURE_VARIABLES = {
    "ALERT_EMAIL": "a@example.com",
    "OIDC_SUBJECT_PREFIX": "repo:owner@1/name@2",
    "SQL_ADMINISTRATORS_NAME": "n",
    "SQL_ADMINISTRATORS_ID": "i",
    "PIPELINE_APPLICATION_ID": "p",
    "PIPELINE_PRINCIPAL_ID": "p",
    "AZURE_DATABRICKS_PRINCIPAL_ID": "d",
}


class InfrastructureRun:
    """Runs infra/deploy.sh in a copy of infra, with an `az` whose answers are given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "infra", folder / "infra")
        self.vault, self.factory, self.configuration = "kv-ingestion-dev-x", "", "null"
        self.secrets = ["restcountries-api-key", "sql-password"]

    def __call__(self, *only: str, **variables: str) -> subprocess.CompletedProcess[str]:
        az = self.folder / "bin" / "az"
        az.parent.mkdir(exist_ok=True)
        az.write_text(
            f"""#!/bin/bash
case "$*" in
  "keyvault list"*) echo "{self.vault}" ;;
  "keyvault secret show"*) for secret in {" ".join(self.secrets)}; do [[ $* == *"$secret"* ]] && exit 0; done
    echo "(SecretNotFound) A secret with this name was not found" >&2; exit 1 ;;
  "resource list"*) echo "{self.factory}" ;;
  "resource show"*) echo '{self.configuration}' ;;
  "deployment group"*) echo "$* STUDIO=$STUDIO_CONFIGURATION" >> calls.txt
    [[ -z $FAIL || $* != *"$FAIL"* ]] || exit 1
    echo "+ a resource" ;;
esac
""",
            encoding="utf-8",
        )
        az.chmod(0o755)
        environment = {"PATH": f"{az.parent}:{os.environ['PATH']}", **INFRASTRUCTURE_VARIABLES, **variables}
        command = [self.folder / "infra" / "deploy.sh", "dev", "rg-ingestion-dev", *only]
        return execute(*command, cwd=self.folder, env=environment)

    @property
    def deployments(self) -> list[str]:
        calls = self.folder / "calls.txt"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def deploy(tmp_path):
    return InfrastructureRun(tmp_path)


def test_what_if_is_shown_and_the_same_is_deployed(deploy):
    answer = deploy()
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("+ a resource\n")
    what_if, create = deploy.deployments
    assert create == what_if.replace("what-if", "create").replace(" STUDIO", " --output none STUDIO")
    assert "infra/environments/dev.bicepparam" in create


def test_nothing_is_deployed_when_what_if_fails(deploy):
    assert deploy(FAIL="what-if").returncode == 1
    assert [call.split()[2] for call in deploy.deployments] == ["what-if"]


def test_a_pull_request_only_asks_with_rights_to_read(deploy):
    deploy.secrets.clear()
    assert deploy("what-if").returncode == 0
    (call,) = deploy.deployments
    assert call.startswith("deployment group what-if")
    assert "--validation-level ProviderNoRbac" in call


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ALERT_EMAIL": "", "SQL_ADMINISTRATORS_ID": ""}, ["ALERT_EMAIL: not set", "SQL_ADMINISTRATORS_ID: not set"]),
        ({"OIDC_SUBJECT_PREFIX": "owner/name"}, ["OIDC_SUBJECT_PREFIX: is 'owner/name', which is not repo:OWNER/NAME"]),
        ({"OIDC_SUBJECT_PREFIX": "repo:owner/name:environment"}, ["OIDC_SUBJECT_PREFIX: is 'repo:owner/name:env"]),
        ({"PIPELINE_APPLICATION_SECRET": "s3cret"}, ["PIPELINE_APPLICATION_SECRET_ENDS: not set"]),
    ],
)
def test_what_is_missing_or_wrong_is_said_all_at_once_before_anything_is_deployed(deploy, variables, said):
    answer = deploy(**variables)
    assert answer.returncode == 1
    lines = answer.stderr.splitlines()
    assert lines[-1] == "Nothing was deployed."
    assert len(lines) == len(said) + 1
    assert all(line.startswith(f"::error::{text}") for line, text in zip(lines[:-1], said, strict=True))
    assert "s3cret" not in answer.stdout + answer.stderr
    assert deploy.deployments == []


@pytest.mark.parametrize("prefix", ["repo:owner/name", "repo:owner@123/name@456"])
def test_both_forms_of_a_repositorys_subject_are_taken(deploy, prefix):
    assert deploy(OIDC_SUBJECT_PREFIX=prefix).returncode == 0


@pytest.mark.parametrize("vault", ["", "kv-ingestion-dev-x"])
def test_the_country_apis_key_is_required_before_anything_is_deployed(deploy, vault):
    deploy.vault, deploy.secrets = vault, []
    answer = deploy()
    assert answer.returncode == 1
    assert "RESTCOUNTRIES_API_KEY: not set" in answer.stderr
    assert deploy.deployments == []
    assert deploy(RESTCOUNTRIES_API_KEY="k3y").returncode == 0
    assert "k3y" not in "".join(deploy.deployments), "az reads it from the environment, not from its command line"


def test_without_managed_identities_the_client_secret_is_required_too(deploy):
    file = deploy.folder / "infra/environments/dev.bicepparam"
    file.write_text(file.read_text() + "param managedIdentities = false\n")
    deploy.secrets = ["restcountries-api-key"]
    answer = deploy()
    assert answer.returncode == 1
    assert "PIPELINE_APPLICATION_SECRET: not set" in answer.stderr
    assert deploy.deployments == []


def test_a_deployment_hands_back_studios_git_integration_as_it_finds_it(deploy):
    deploy()
    assert all(call.endswith("STUDIO=") for call in deploy.deployments)
    deploy.factory, deploy.configuration = "/subscriptions/s/factories/adf", '{"lastCommitId": "abc"}'
    deploy()
    assert all(call.endswith('STUDIO={"lastCommitId": "abc"}') for call in deploy.deployments[2:])


@pytest.mark.parametrize("missing", ["CLIENT_ID", "TENANT_ID", "SUBSCRIPTION_ID"])
def test_a_github_environment_that_is_not_set_up_is_told_so_before_the_sign_in(run_step, missing):
    action = yaml.safe_load((GITHUB / "actions/sign-in/action.yml").read_text(encoding="utf-8"))
    check, sign_in, refused = action["runs"]["steps"]
    assert refused["if"] == "failure()"
    assert "OIDC_SUBJECT_PREFIX" in run_step(refused).stdout
    assert "azure/login@" in sign_in["uses"]
    values = {"CLIENT_ID": "c", "TENANT_ID": "t", "SUBSCRIPTION_ID": "s"}
    assert run_step(check, **values).returncode == 0
    answer = run_step(check, **{**values, missing: ""})
    assert answer.returncode == 1
    assert "infra/README.md" in answer.stdout


def test_every_command_of_the_workflows_is_one_that_deploy_py_has():
    commands = [
        shlex.split(match)
        for script in scripts()
        for match in re.findall(r"\.venv/bin/python scripts/deploy\.py ([^|>\n]+)", script)
    ]
    assert {command[0] for command in commands} == {"validate", "plan", "apply", "trigger"}
    for verb, *arguments in commands:
        help_text = execute(sys.executable, "scripts/deploy.py", verb, "--help", cwd=ROOT)
        assert help_text.returncode == 0, help_text.stderr
        for option in (argument for argument in arguments if argument.startswith("--")):
            assert re.search(rf"{option}\b", help_text.stdout), (verb, option)


def test_every_file_that_the_workflows_run_is_there():
    for script in scripts():
        for file in re.findall(
            r"(?<![\w/.])((?:\.ci|infra|scripts)/[\w./-]+\w)", script.replace("$ENVIRONMENT", "dev")
        ):
            assert (ROOT / file).exists() or file.endswith("/"), file


def test_every_variable_that_a_parameter_file_needs_is_given_by_the_check_and_by_the_deployment():
    needed = set()
    for path in (ROOT / "infra/environments").glob("*.bicepparam"):
        needed |= set(re.findall(r"readEnvironmentVariable\('(\w+)'\)", path.read_text(encoding="utf-8")))
    wanted = {name: f"${{{{ vars.{name} }}}}" for name in needed}
    assert DEPLOY_STEPS[position("deploy.sh")]["env"] == wanted
    what_if = step(PLAN_STEPS, "What-if")["env"]
    assert what_if == {**wanted, "RESOURCE_GROUP": "${{ vars.AZURE_RESOURCE_GROUP }}"}
    assert step(JOBS["checks/bicep"]["steps"], "Build each environment's parameters")["env"].keys() == needed


def test_every_variable_of_the_github_environments_is_told_of_where_they_are_set_up():
    used = set(re.findall(r"vars\.(\w+)", "\n".join(path.read_text(encoding="utf-8") for path in FILES)))
    assert used
    head = (GITHUB / "workflows/deploy.yml").read_text(encoding="utf-8").partition("\nname:")[0]
    readme = (ROOT / "infra/README.md").read_text(encoding="utf-8")
    assert [name for name in used if name not in head or name not in readme] == []


def test_dependabot_looks_where_versions_are_written_down():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    places = {one["package-ecosystem"]: one.get("directories") or [one["directory"]] for one in updates}
    assert places == {"github-actions": ["/", "/.github/actions/*"], "uv": ["/"], "npm": ["/tests/infra/kql"]}
    assert (ROOT / "uv.lock").is_file()
    assert (ROOT / "tests/infra/kql/package-lock.json").is_file()


class StepRunner:
    """Runs a step's script as GitHub does, in a folder of its own; programs may be replaced by stubs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stub(self, path: str, script: str) -> None:
        program = self.folder / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        program.chmod(0o755)

    def __call__(self, one: dict[str, Any], **variables: str) -> subprocess.CompletedProcess[str]:
        script = self.folder / "step.sh"
        script.write_text(one["run"], encoding="utf-8")
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "ENVIRONMENT": "dev",
            "RESOURCE_GROUP": "rg-ingestion-dev",
            **variables,
        }
        return execute(
            "/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", script, cwd=self.folder, env=environment
        )


@pytest.fixture
def run_step(tmp_path):
    return StepRunner(tmp_path)
