"""Charts as SVG or PNG, told apart by pattern and label as well as by colour, so that they print and read without it."""

import io
import re
from collections.abc import Sequence
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from model.labels import Dimension, Label, Side

WIDE: Final = 7.6
NARROW: Final = 3.7
"""Widths in inches: for a page, and for a phone."""

COLOURS: Final = {Label.LEADERSHIP: "#1f5f99", Label.MIXED: "#8b6bb1", Label.MANAGEMENT: "#e0a030", Label.NEITHER: "#e6e8ea"}
_HATCHES: Final = {Label.LEADERSHIP: "", Label.MIXED: "xxxx", Label.MANAGEMENT: "////", Label.NEITHER: ""}
_ORDER: Final = (Label.LEADERSHIP, Label.MIXED, Label.MANAGEMENT, Label.NEITHER)
_INK: Final = "#24292f"
_BAR_INCHES: Final = 0.3
_SHOWN_SHARE: Final = 0.09  # a narrower stretch of a bar has no room for its number
_STYLE: Final[dict[Any, Any]] = {
    "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "helmkeel", "font.family": "sans-serif", "font.size": 9.0,
    "hatch.linewidth": 0.8, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#8c959f", "text.color": _INK,
    "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
}  # fmt: skip


class Chart:
    """A drawing that can be made at any width."""

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description

    def draw(self, width: float) -> Figure:
        """Draw it, `width` inches wide."""
        raise NotImplementedError

    def svg(self, width: float) -> str:
        """Return an `<svg>` element that stands alone in a page, with a description for those who cannot see it."""
        stream = io.StringIO()
        with mpl.rc_context(_STYLE):
            self.draw(width).savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
        svg = stream.getvalue()
        svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
        prefix = f"{self.name}-{round(width * 10)}-"
        svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{prefix}", svg)
        return svg.replace("<svg ", f'<svg role="img" aria-label="{_attribute(self.description)}" ', 1)

    def png(self, width: float = WIDE, dots_per_inch: int = 220) -> bytes:
        """Return a picture for places that take no SVG."""
        stream = io.BytesIO()
        with mpl.rc_context(_STYLE):
            self.draw(width).savefig(stream, format="png", dpi=dots_per_inch, metadata={"Software": None})
        return stream.getvalue()


class Balance(Chart):
    """A bar for each document, speaker or group: the shares of the labels."""

    def __init__(self, name: str, bars: Sequence[tuple[str, dict[Label, int]]]) -> None:
        super().__init__(name, f"Bars with the shares of the four labels in {len(bars)} rows; the table below has the numbers.")
        self._bars = bars

    def draw(self, width: float) -> Figure:
        """Draw it."""
        above = width < (WIDE + NARROW) / 2  # a narrow chart has the names above the bars
        step = _BAR_INCHES * (2 if above else 1.25)
        height = 0.95 + step * len(self._bars)
        figure = Figure((width, height), layout="constrained")
        axes = figure.add_subplot()
        for row, (name, counts) in enumerate(self._bars):
            self._bar(axes, row, counts, 0.45 if above else 0.72)
            if above:
                axes.text(0, row - 0.33, _shortened(name, 46), va="center", ha="left")
        axes.set_ylim(len(self._bars) - 0.45, -0.62)
        axes.set_xlim(0, 1)
        names = [] if above else [_shortened(name, 38) for name, _ in self._bars]
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
        axes.spines["left"].set_visible(False)
        patches = [Patch(facecolor=COLOURS[label], hatch=_HATCHES[label], edgecolor=_edge(label), label=label) for label in _ORDER]
        figure.legend(handles=patches, loc="outside upper left", ncols=2 if above else 4, frameon=False, handlelength=1.8)
        return figure

    def _bar(self, axes: Axes, row: int, counts: dict[Label, int], height: float) -> None:
        total, left = sum(counts.values()), 0.0
        for label in _ORDER:
            share = counts[label] / total if total else 0
            if not share:
                continue
            middle = row + (0.12 if height < 0.5 else 0)
            axes.barh(middle, share, height, left, color=COLOURS[label], hatch=_HATCHES[label], edgecolor=_edge(label), linewidth=0.6)
            if share >= _SHOWN_SHARE:
                ink = "white" if label is Label.LEADERSHIP else _INK
                boxed = {"facecolor": COLOURS[label], "edgecolor": "none", "pad": 1.2}
                axes.text(left + share / 2, middle, f"{share:.0%}", ha="center", va="center", bbox=boxed, color=ink, fontsize=8)
            left += share


class Profile(Chart):
    """Leadership to the left, management to the right, for each of the dimensions; of one group, or of two beside each other."""

    def __init__(self, name: str, groups: Sequence[tuple[str, dict[Dimension, dict[Side, int]], int]]) -> None:
        super().__init__(name, "Bars with the sentences on each side of the eleven dimensions; the table below has the numbers.")
        self._groups = groups

    def draw(self, width: float) -> Figure:
        """Draw it."""
        several = len(self._groups) > 1
        figure = Figure((width, 1.0 + (0.46 if several else 0.3) * len(Dimension)), layout="constrained")
        axes = figure.add_subplot()
        thickness = 0.74 / len(self._groups)
        largest = 0.0
        for number, (_, dimensions, sentences) in enumerate(self._groups):
            unit = 100 / max(sentences, 1) if several else 1
            for row, dimension in enumerate(Dimension):
                at = row + (number - (len(self._groups) - 1) / 2) * thickness
                for side, sign in ((Side.LEADERSHIP, -1), (Side.MANAGEMENT, 1)):
                    value = dimensions.get(dimension, {}).get(side, 0) * unit
                    largest = max(largest, value)
                    label = Label(side)
                    axes.barh(
                        at, sign * value, thickness * 0.92, color=COLOURS[label], hatch=_HATCHES[label], edgecolor=_edge(label),
                        linewidth=1.4 if number else 0.6, alpha=0.55 if number else 1,
                    )  # fmt: skip
                    if value:
                        shown = f"{value:.1f}" if several else f"{value:.0f}"
                        shown += f" {'AB'[number]}" if several else ""
                        axes.annotate(
                            shown, (sign * value, at), (4 * sign, 0), textcoords="offset points", va="center",
                            ha="left" if sign > 0 else "right", fontsize=8,
                        )  # fmt: skip
        axes.set_yticks(range(len(Dimension)), list(Dimension))
        axes.set_ylim(len(Dimension) - 0.4, -0.6)
        axes.set_xlim(-1.28 * max(largest, 1), 1.28 * max(largest, 1))
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0)
        axes.axvline(0, color="#57606a", linewidth=0.8)
        for spine in ("bottom", "left"):
            axes.spines[spine].set_visible(False)
        unit_name = "per 100 sentences" if several else "sentences"
        axes.set_title(f"◀ leadership, {unit_name}", loc="left", fontsize=9)
        axes.set_title("management ▶", loc="right", fontsize=9)
        return figure


class Timeline(Chart):
    """The leadership share of the oriented sentences over time."""

    def __init__(self, name: str, points: Sequence[tuple[str, float, int]]) -> None:
        super().__init__(name, "A line with the share of leadership among oriented sentences over time; the table below has the numbers.")
        self._points = points

    def draw(self, width: float) -> Figure:
        """Draw it."""
        figure = Figure((width, 2.6), layout="constrained")
        axes = figure.add_subplot()
        shares = [share for _, share, _ in self._points]
        sizes = [18 + 60 * n / max(n for _, _, n in self._points) for _, _, n in self._points]
        axes.plot(range(len(shares)), shares, color=COLOURS[Label.LEADERSHIP], linewidth=1.6)
        axes.scatter(range(len(shares)), shares, s=sizes, color=COLOURS[Label.LEADERSHIP], zorder=3)
        axes.axhline(0.5, color="#8c959f", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_ylim(-0.04, 1.04)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
        most = 4 if width < (WIDE + NARROW) / 2 else 8
        step = max(1, -(-len(self._points) // most))
        axes.set_xticks(range(0, len(self._points), step), [name for name, _, _ in self._points][::step])
        axes.set_title("leadership's share of the oriented sentences; larger dots: more of them", loc="left", fontsize=9, wrap=True)
        if most == 4:
            axes.set_title("leadership share", loc="left", fontsize=9)
        return figure


def _edge(label: Label) -> str:
    return {Label.MANAGEMENT: "#7a5200", Label.MIXED: "#3d2a5c", Label.NEITHER: "#8c959f"}.get(label, COLOURS[label])


def _shortened(name: str, characters: int) -> str:
    """Cut a long name at its beginning, where paths are alike; the table has it whole."""
    name = " ".join(name.split())
    return name if len(name) <= characters else f"…{name[-characters + 1 :]}"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
