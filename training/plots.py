"""Calibration and coverage as a picture for the model card."""

import io
from collections.abc import Mapping
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model.labels import Side

_STYLE: Final[dict[Any, Any]] = {"svg.hashsalt": "helmkeel", "svg.fonttype": "none", "font.size": 9.0}  # the same figures, the same file
_LINES: Final = {Side.LEADERSHIP: ("#1f5f99", "o", "-"), Side.MANAGEMENT: ("#b3700b", "s", "--")}
_LARGEST_MARK: Final = 130.0  # square points, for a bin with half of the sentences or more


def calibration_svg(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an SVG: for each set of sentences a reliability diagram of both tags, then accuracy against the share judged.

    Args:
        measured: what `training.evaluate.measure` returns, by the name of the sentences.
    """
    with mpl.rc_context(_STYLE):
        figure = Figure((3.4 * (len(measured) + 1), 3.5), layout="constrained")
        *diagrams, coverage = figure.subplots(1, len(measured) + 1)
        for axes, (name, figures) in zip(diagrams, measured.items(), strict=True):
            _reliability(axes, name, figures)
        for (name, figures), line in zip(measured.items(), ("-", "--", ":"), strict=False):
            points = figures["risk_coverage"]
            coverage.plot([p["coverage"] for p in points], [p["accuracy"] for p in points], "k" + line, marker=".", label=name)
        coverage.set(
            title="accuracy of the most certain", xlabel="share of sentences judged", ylabel="accuracy", xlim=(0, 1.02), ylim=(0.5, 1.02)
        )
        coverage.legend(frameon=False, loc="lower left")
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def _reliability(axes: Axes, name: str, figures: Mapping[str, Any]) -> None:
    axes.plot([0, 1], [0, 1], color="#8c959f", linewidth=0.8)
    for side, (colour, marker, line) in _LINES.items():
        calibration = figures["calibration"][side]
        bins = calibration["reliability"]
        sizes = [max(4.0, _LARGEST_MARK * min(1.0, 2 * b["sentences"] / figures["sentences"])) for b in bins]
        scores, shares = [b["mean_score"] for b in bins], [b["share"] for b in bins]
        axes.plot(scores, shares, line, color=colour, linewidth=1, label=f"{side} (error {calibration['expected_error']:.3f})")
        axes.scatter(scores, shares, s=sizes, color=colour, marker=marker)
    axes.set(title=name, xlabel="score, mean of the bin", ylabel="share that carries the tag", xlim=(-0.04, 1.04), ylim=(-0.04, 1.04))
    axes.legend(frameon=False, loc="upper left")
