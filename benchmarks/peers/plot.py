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
        figure = Figure(figsize=(8, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for row in figures:
            f1 = row.macro_f1[judged]
            errors = [[max(0.0, f1["value"] - f1["low"])], [max(0.0, f1["high"] - f1["value"])]]
            mark = "*" if row.entry is HELMKEEL else "o"
            size = 12 if row.entry is HELMKEEL else 6
            axes.errorbar(row.sentences_a_second, f1["value"], errors, fmt=mark, markersize=size, elinewidth=0.6, label=row.entry.name)
        axes.set_xscale("log")
        axes.set_xlabel("sentences a second, one thread")
        axes.set_ylabel(f"macro-F1, {judged} (95% interval)")
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper")  # names beside the points would cover each other
        figure.savefig(path, metadata={"Date": None})
