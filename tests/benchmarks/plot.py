"""The plot of a run: seconds against rows, a line a contender, both axes logarithmic."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.harness import Result


def plot(results: Sequence[Result], file: Path) -> None:
    """Draw the results of one benchmark into a file; its ending (`.svg`, `.png`) is its format."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="rows", ylabel="seconds (median)")
    axes.set_title(results[0].case.benchmark)
    contenders = list(dict.fromkeys(result.contender for result in results))
    for number, contender in enumerate(contenders):
        points = [
            (result.case.items, result.median)
            for result in results
            if result.contender == contender and result.median is not None
        ]
        if not points:
            continue
        rows, seconds = zip(*sorted(points), strict=True)
        first = number == 0
        axes.plot(rows, seconds, marker="o", markersize=4, linewidth=2.5 if first else 1.2, label=contender, zorder=3)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rows, _position: f"{rows:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _position: f"{seconds:g}"))
    axes.grid(which="major", color="#dddddd")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(file)
