"""Takes the bundle to Azure: `python scripts/deploy.py VERB --env ENV`. See --help."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bundle.command_line import CommandParser, details, first_words, folder, missing
from bundle.layout import bundle_folder

if TYPE_CHECKING:
    from bundle.environments import Environment
    from bundle.policy import Policy
    from deployment.connections import Target
    from deployment.desired import Desired
    from deployment.plan import Options

_CHANGES = 2
_INTERRUPTED = 130
_SET_UP = "make .venv/bin/uv && .venv/bin/uv sync --inexact --group deploy"


class _Parser(CommandParser):
    """A parser whose errors end in 1: argparse's own 2 is what `plan` says when there are changes."""

    WRONG = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status.

    SDKs take a second to import: every verb imports what it needs, so that --help is instant.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    from bundle.errors import BundleError
    from deployment.errors import DeploymentError

    try:
        status: int = options.verb(options)
    except ModuleNotFoundError as error:
        _tell(f"deploy.py: {missing(error, _SET_UP)}")
        if options.verbose:
            _tell(details(error))
        return 1
    except Exception as error:  # noqa: BLE001 - told in one line, of whatever kind
        status = _end_badly(options, first_words(error, (BundleError, DeploymentError)))
        if options.verbose:
            _tell(details(error))
    except KeyboardInterrupt:
        _tell("deploy.py: interrupted")
        return _INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="deploy.py", description="Takes the bundle to a data factory and a Databricks workspace.")
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)

    bundle = _Parser(add_help=False)
    bundle.add_argument("--adf", type=Path, default=bundle_folder("adf"), metavar="DIR", help="the factory Git root")
    bundle.add_argument(
        "--notebooks", type=folder, default=bundle_folder("notebooks"), metavar="DIR", help="its notebooks (notebooks)"
    )
    common = _Parser(add_help=False)
    common.add_verbose()
    target = _Parser(add_help=False)
    target.add_argument(
        "--env", required=True, metavar="ENV", help="infra/environments/ENV.toml, or the path of a .toml file"
    )
    target.add_argument("--json", action="store_true", help="the outcome as JSON on stdout; progress goes to stderr")
    limits = _Parser(add_help=False)
    limits.add_argument("--max-deletes", type=int, default=10, metavar="N", help="refuse more deletes than this (10)")
    limits.add_argument("--adopt", action="store_true", help="take over objects of the same name that are not ours")
    lock = _Parser(add_help=False)
    lock.add_argument("--break-lock", action="store_true", help="end the lock of a deployment that is dead")

    verb = verbs.add_parser("validate", parents=[bundle, common], help="check the bundle offline")
    verb.add_argument("--json", action="store_true", help="the findings as JSON on stdout")
    verb.add_argument("--strict", action="store_true", help="count warnings as errors")
    verb.add_argument(
        "--policy", action="store_true", help="ask of another factory, too, what this bundle asks of itself"
    )
    verb.add_argument("--env", metavar="ENV", help="take the [policy] of infra/environments/ENV.toml")
    verb.add_argument("--explain", metavar="RULE", help="say what a rule asks, and why")
    verb.set_defaults(verb=_validate, name="validate")

    verb = verbs.add_parser(
        "plan",
        parents=[bundle, target, limits, common],
        help="show what would change; exit status 0 nothing, 2 changes, 1 error",
    )
    verb.add_argument("--out", type=Path, metavar="FILE", help="save the plan, for `apply FILE`")
    verb.set_defaults(verb=_plan, name="plan")

    verb = verbs.add_parser("apply", parents=[bundle, target, limits, lock, common], help="make the changes, or none")
    verb.add_argument("plan", nargs="?", type=Path, metavar="PLAN", help="a saved plan; refused when it is stale")
    verb.set_defaults(verb=_apply, name="apply")

    verb = verbs.add_parser(
        "rollback", parents=[target, lock, common], help="put a factory back as a snapshot holds it"
    )
    verb.add_argument("snapshot", type=Path, metavar="SNAPSHOT", help="the file that `apply` named")
    verb.set_defaults(verb=_rollback, name="rollback")

    verb = verbs.add_parser("trigger", parents=[target, common], help='"Trigger Now": start a pipeline')
    verb.add_argument("pipeline", metavar="PIPELINE")
    verb.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter; repeatable")
    verb.add_argument("--wait", action="store_true", help="watch the run until it ends")
    verb.set_defaults(verb=_trigger, name="trigger")
    return parser


def _validate(options: argparse.Namespace) -> int:
    from bundle.findings import Severity, count, strictly, summary_lines, to_json
    from bundle.rules import explain
    from bundle.validation import validate

    if options.explain:
        _say(explain(options.explain))
        return 0
    findings = validate(options.adf, options.notebooks, policy=_policy(options))
    if options.strict:
        findings = strictly(findings)
    if options.json:
        _say(json.dumps(to_json(findings), indent=2))
    else:
        for finding in findings:
            _say(str(finding))
    for line in summary_lines(findings):
        _tell(line)
    if findings:
        _tell(f"`deploy.py validate --explain {findings[0].rule}` says why a rule is there")
    return 1 if count(findings, Severity.ERROR) else 0


def _policy(options: argparse.Namespace) -> "Policy | None":
    """Return what is asked beyond what Azure asks: of this bundle always, of another factory when that is wanted."""
    from bundle.environments import environment_file
    from bundle.layout import CHECKOUT
    from bundle.policy import Policy, read_policy

    given = read_policy(environment_file(options.env)) if options.env else None
    is_own = options.adf.resolve() == CHECKOUT / "adf"
    return given or (Policy() if options.policy or is_own else None)


def _plan(options: argparse.Namespace) -> int:
    from deployment import output
    from deployment.apply import current_plan
    from deployment.errors import PlanRefusedError

    target, desired = _prepare(options)
    plan, _ = current_plan(target, desired, _limits(options))
    if options.out:
        plan.save(options.out)
    if options.json:
        _say(json.dumps(plan.to_json(), indent=2))
    else:
        output.print_lines(output.plan_lines(plan))
    output.write_step_summary(output.plan_markdown(plan))
    if plan.refusals:
        _tell(f"deploy.py: {PlanRefusedError(*plan.refusals)}")
        return 1
    return _CHANGES if plan.actions else 0


def _apply(options: argparse.Namespace) -> int:
    from deployment import output
    from deployment.apply import apply
    from deployment.plan import load_plan
    from deployment.snapshot import FOLDER

    saved = load_plan(options.plan) if options.plan else None
    target, desired = _prepare(options)
    done = apply(
        target,
        desired,
        options=_limits(options),
        saved=saved,
        snapshots=FOLDER,
        progress=_tell,
        announce=lambda plan: None if options.json else output.print_lines(output.plan_lines(plan)),
        break_lock=options.break_lock,
    )
    snapshot = str(done.snapshot) if done.snapshot else None
    output.write_step_summary(output.plan_markdown(done.plan, title="Deployed to"))
    if options.json:
        _say(json.dumps({"status": "applied", "snapshot": snapshot, "plan": done.plan.to_json()}, indent=2))
        return 0
    _say(output.done_summary(done.plan) if snapshot else output.summary(done.plan))
    _say(f"snapshot: {snapshot}" if snapshot else "nothing was touched, so there is no snapshot")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    from deployment import output
    from deployment.apply import rollback
    from deployment.connections import connect
    from deployment.snapshot import load_snapshot

    environment = _environment(options)
    snapshot = load_snapshot(options.snapshot, environment)
    restored = rollback(connect(environment), snapshot, progress=_tell, break_lock=options.break_lock)
    text = "\n".join(restored) or "nothing to put back"
    output.write_step_summary(output.outcome_markdown(f"Rolled back to {options.snapshot}", text))
    _say(json.dumps({"status": "rolled back", "restored": restored}, indent=2) if options.json else text)
    return 0


def _trigger(options: argparse.Namespace) -> int:
    from deployment import output, trigger_run
    from deployment.connections import connect_factory

    environment = _environment(options)
    factory = connect_factory(environment.azure)
    parameters = trigger_run.read_parameters(factory, options.pipeline, options.param)
    run_id = factory.create_run(options.pipeline, parameters)
    page = trigger_run.run_page(environment.azure, run_id)
    _tell(f"started {options.pipeline}: run {run_id}\n{page}")
    if not options.wait:
        _say(json.dumps({"runId": run_id, "runPage": page}) if options.json else run_id)
        return 0
    run = trigger_run.follow(factory, run_id, _tell)
    lines = [*run.summary(), page]
    output.write_step_summary(output.outcome_markdown(f"Run of {options.pipeline}: {run.status}", "\n".join(lines)))
    _say(json.dumps({**run.to_json(), "runPage": page}, indent=2) if options.json else "\n".join(lines))
    return 0 if run.status == trigger_run.SUCCEEDED else 1


def _environment(options: argparse.Namespace) -> "Environment":
    from bundle.environments import environment_file, load_environment

    return load_environment(environment_file(options.env), os.environ)


def _prepare(options: argparse.Namespace) -> "tuple[Target, Desired]":
    from deployment.connections import connect
    from deployment.desired import read_desired

    environment = _environment(options)
    desired = read_desired(options.adf, options.notebooks, environment, bundle_folder("infra/dashboards"))
    _tell(f"signing in, then asking {environment.azure.data_factory} and {environment.databricks.host}")
    return connect(environment), desired


def _limits(options: argparse.Namespace) -> "Options":
    from deployment.plan import Options

    return Options(max_deletes=options.max_deletes, adopt=options.adopt)


def _end_badly(options: argparse.Namespace, message: str) -> int:
    from deployment import output

    output.write_step_summary(output.outcome_markdown(f"{options.name} failed", message))
    if getattr(options, "json", False):
        _say(json.dumps({"status": "failed", "error": message}, indent=2))
    _tell(f"deploy.py: {message}")
    return 1


def _interrupt(_signal: int, _frame: Any) -> NoReturn:
    # A cancelled workflow sends SIGINT, then SIGTERM: the second must not end the rollback that the first began.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
