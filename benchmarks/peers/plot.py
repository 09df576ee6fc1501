"""The comparison as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.peers.compare import Figures
from benchmarks.peers.registry import HELMKEEL

STYLE: Final[dict[Any, Any]] = {"svg.hashsalt": "helmkeel", "font.size": 9}  # a fixed salt: the same figures give the same file


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
