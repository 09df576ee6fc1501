"""The comparison as a Markdown table and as a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.peers.compare import Figures, Interval, Options
from benchmarks.peers.registry import HELMKEEL, PEERS

STYLE: Final[dict[Any, Any]] = {"svg.hashsalt": "helmkeel", "font.size": 9}  # a fixed salt: the same figures give the same file


def table(figures: Sequence[Figures]) -> str:
    """Return a row a peer."""
    judged = list(figures[0].macro_f1)
    heads = ["tagger", *(f"{what}, {name}" for name in judged for what in ("macro-F1", "leadership precision"))]
    heads += ["sentences a second", "peak memory", "on disk"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for row in figures:
        cells = [row.entry.name, *(interval(kind[name]) for name in judged for kind in (row.macro_f1, row.precision))]
        cells += [f"{row.sentences_a_second:,.0f}", f"{row.peak_bytes / 1e6:,.0f} MB", f"{row.size_bytes / 1e6:,.1f} MB"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval(figure: Interval) -> str:
    """Return a figure with its 95% interval."""
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def section(figures: Sequence[Figures], options: Options, plot_name: str) -> str:
    """Return heading, explanation, plot, table and notes."""
    parts = [
        "## Tagging, beside other ways to do it",
        f"Every peer learns from the same {figures[0].trained_on:,} sentences that `make train` uses, and gives each of the two tags at a\n"
        "probability of one half or more; nothing is tuned on the sentences measured here. Macro-F1 is over leadership, management and\n"
        "neither. Intervals are 95%, with whole documents drawn again. Speed is from raw sentences to tags, on sentences of the corpus;\n"
        "memory is the most that a process holds which loads the trained model and tags.",
        *([f"**Trial: the peers learnt from {figures[1].trained_on:,} sentences only, Helmkeel from all.**"] if options.rows else []),
        *([] if options.rows else [f"![Accuracy against speed]({plot_name})"]),
        table(figures),
        notes(figures, options),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def notes(figures: Sequence[Figures], options: Options) -> str:
    """Return what to know about each, and which were left out."""
    lines = [f"- **{row.entry.name}**: {row.entry.note}" for row in figures]
    if not options.encoder:
        left = ", ".join(peer.name for peer in PEERS if peer.encoder)
        lines.append(f"- Left out, since they need a sentence encoder (`make benchmark ENCODER=folder`): {left}.")
    if not options.gold:
        lines.append("- No labelled sentences from outside were given (`make benchmark GOLD=file.jsonl`).")
    return "\n".join(lines) + "\n"


def plot(figures: Sequence[Figures], path: Path) -> None:
    """Write accuracy against speed; accuracy on the sentences from outside where they were given."""
    judged = list(figures[0].macro_f1)[-1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for row in figures:
            f1 = row.macro_f1[judged]
            errors = [[max(0.0, f1["value"] - f1["low"])], [max(0.0, f1["high"] - f1["value"])]]
            colour = "tab:red" if row.entry is HELMKEEL else "tab:blue"
            axes.errorbar(row.sentences_a_second, f1["value"], yerr=errors, fmt="o", color=colour, elinewidth=0.6)
            axes.annotate(row.entry.name, (row.sentences_a_second, f1["value"]), xytext=(5, 4), textcoords="offset points", fontsize=8)
        axes.set_xscale("log")
        axes.margins(x=0.2)
        axes.set_xlabel("sentences a second, one thread")
        axes.set_ylabel(f"macro-F1, {judged} (95% interval)")
        axes.grid(alpha=0.3)
        figure.savefig(path, metadata={"Date": None})
