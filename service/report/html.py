"""Writes a report as one HTML file that needs nothing else."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from model.labels import Side
from service.report.charts import NARROW, WIDE, Chart
from service.report.marks import stretches
from service.report.report import USES_TO_AVOID, Report


def to_html(report: Report) -> bytes:
    """Return the page."""
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(report=report, sides=list(Side), stretches=stretches, uses_to_avoid=USES_TO_AVOID, drawn=_drawn)
    )
    return page.encode()


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def _drawn(chart: Chart) -> Markup:
    """Draw a chart for pages and for phones; the style sheet shows one of the two."""
    wide, narrow = chart.svg(WIDE), chart.svg(NARROW)
    return Markup('<div class="wide">{}</div><div class="narrow">{}</div>').format(Markup(wide), Markup(narrow))  # noqa: S704 -- our own
