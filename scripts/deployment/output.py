"""What the user sees: a plan and an outcome on the console, and as Markdown for a workflow's summary page."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from deployment.plan import DONE, Action, Operation, Plan

_SIGNS = {Operation.CREATE: "+", Operation.UPDATE: "~", Operation.DELETE: "-"}
_STYLES = {"+": "green", "~": "yellow", "-": "red", "!": "bold red"}
_LONGEST_VALUE = 120


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield a plan as lines of text: one an action, below it one a changed path."""
    yield f"{plan.environment}: {plan.factory.rpartition('/')[2]} and {plan.workspace}"
    for action in plan.actions:
        yield f"  {_SIGNS[action.operation]} {action.operation} {action.label}{_trigger_note(action)}"
        for change in action.changes:
            yield f"      {change.path}: {_shown(change.old)} -> {_shown(change.new)}"
    yield from (f"  = unchanged {name}" for name in plan.unchanged)
    yield from (f"  note: {note}" for note in plan.notes)
    yield from (f"  ! {refusal}" for refusal in plan.refusals)
    yield summary(plan)


def summary(plan: Plan) -> str:
    """Return a plan's numbers as one line."""
    counts = ", ".join(f"{plan.count(operation)} to {operation}" for operation in Operation)
    return f"{counts}, {len(plan.unchanged)} unchanged" + (f", {len(plan.refusals)} refused" if plan.refusals else "")


def done_summary(plan: Plan) -> str:
    """Return the numbers of a plan that was applied as one line."""
    counts = ", ".join(f"{plan.count(operation)} {DONE[operation]}" for operation in Operation)
    return f"{counts}, {len(plan.unchanged)} unchanged"


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout, coloured by their sign where that is a terminal."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines:
        console.print(line, style=_STYLES.get(line.lstrip()[:1], "") if line.startswith("  ") else "")


def plan_markdown(plan: Plan, title: str = "Deployment plan for") -> str:
    """Return a plan as Markdown: the numbers, then a table of the changes."""
    lines = [f"### {title} {plan.environment}", "", f"{summary(plan)}.", ""]
    if plan.actions:
        lines += ["| | object | changes |", "| --- | --- | --- |"]
        lines += [f"| {action.operation} | `{action.label}` | {_changes_cell(action)} |" for action in plan.actions]
        lines.append("")
    lines += [f"- {note}" for note in plan.notes]
    lines += [f"- **refused**: {refusal}" for refusal in plan.refusals]
    return "\n".join(lines) + "\n"


def outcome_markdown(title: str, text: str) -> str:
    """Return an outcome as Markdown: a heading and the text as it is."""
    return f"### {title}\n\n```text\n{text}\n```\n"


def write_step_summary(markdown: str) -> None:
    """Append to the page that GitHub shows of a workflow's step, where there is one."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        with Path(file).open("a", encoding="utf-8") as page:
            page.write(markdown + "\n")


def _trigger_note(action: Action) -> str:
    if action.stop and action.start:
        return " (stopped meanwhile)" if action.sends else ""
    if action.stop:
        return " (is stopped)"
    return " (is started)" if action.start else ""


def _changes_cell(action: Action) -> str:
    changes = (f"`{change.path}`: `{_shown(change.old)}` → `{_shown(change.new)}`" for change in action.changes)
    return "<br>".join(changes).replace("|", "\\|")


def _shown(value: Any) -> str:
    if value is None:
        return "(absent)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."
