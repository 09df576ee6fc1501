"""Writes a report as PDF."""

import io
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import inch, mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, Image, LongTable, PageTemplate, Paragraph, Spacer, TableStyle

from model.labels import Side
from service.report.charts import WIDE
from service.report.data import Telling
from service.report.marks import stretches
from service.report.report import USES_TO_AVOID, Report, Section, Table

_FONT, _BOLD = "DejaVuSans", "DejaVuSans-Bold"  # come with matplotlib, and know most scripts
_INK, _SOFT, _LINE = HexColor("#24292f"), HexColor("#57606a"), HexColor("#d0d7de")
_MARGIN: Final = 18 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_MAX_HEIGHT: Final = A4[1] - 2 * _MARGIN - 75 * mm  # so that the first chart stands on the first page
_SHOWN_ROWS: Final = 100
_TEXT: Final = ParagraphStyle("text", fontName=_FONT, fontSize=9, leading=12.5, textColor=_INK, spaceAfter=4)
_SMALL: Final = ParagraphStyle("small", _TEXT, fontSize=7.5, leading=10, textColor=_SOFT)
_CELL: Final = ParagraphStyle("cell", _TEXT, fontSize=6.8, leading=8.5, spaceAfter=0, wordWrap="CJK")  # breaks long file names
_NUMBER: Final = ParagraphStyle("number", _CELL, alignment=2)
_TITLE: Final = ParagraphStyle("title", _TEXT, fontName=_BOLD, fontSize=17, leading=22)
_HEADING: Final = ParagraphStyle("heading", _TEXT, fontName=_BOLD, fontSize=12, leading=16, spaceBefore=12, keepWithNext=1)
_SUBHEADING: Final = ParagraphStyle("subheading", _HEADING, fontSize=9.5, leading=13, spaceBefore=6)


def to_pdf(report: Report) -> bytes:
    """Return the document: A4, with the number of each page."""
    _register_fonts()
    stream = io.BytesIO()
    document = BaseDocTemplate(
        stream, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
        title=report.title, author="Helmkeel", lang="en", invariant=1,
    )  # fmt: skip
    frame = Frame(_MARGIN, _MARGIN, _WIDTH, A4[1] - 2 * _MARGIN, 0, 0, 0, 0)
    document.addPageTemplates(PageTemplate("page", [frame], onPage=_number_page))
    sections = report.sections()
    story: list[Flowable] = [
        Paragraph(_safe(report.title), _TITLE),
        Paragraph(_safe(report.made), _SMALL),
        Paragraph(_safe(USES_TO_AVOID), _SMALL),
    ]
    for section in sections[:2]:
        story += _section(section)
    story += [Paragraph("Most telling sentences", _HEADING), Paragraph("Words that spoke for the side are underlined.", _TEXT)]
    for side in Side:
        for letter, group in zip("AB", report.groups, strict=False):
            name = f"{side.capitalize()}, {letter}: {group.name}" if report.compares else side.capitalize()
            story.append(Paragraph(_safe(name), _SUBHEADING))
            story += [part for telling in group.telling[side] for part in _telling(telling, side)]
    for section in sections[2:]:
        story += _section(section)
    story.append(Paragraph(f"Model {report.model}; scores are comparable only under the same model.", _SMALL))
    document.build(story)
    return stream.getvalue()


def _section(section: Section) -> list[Flowable]:
    found: list[Flowable] = [Paragraph(_safe(section.heading), _HEADING), Paragraph(_safe(section.text), _TEXT)]
    if section.chart:
        image = Image(io.BytesIO(section.chart.png()))
        scale = min(_WIDTH / image.imageWidth, _MAX_HEIGHT / image.imageHeight, inch * WIDE / image.imageWidth)
        image.drawWidth, image.drawHeight = image.imageWidth * scale, image.imageHeight * scale
        found += [image, Spacer(1, 6)]
    if section.table and section.table.rows:
        found.append(_table(section.table))
        more = len(section.table.rows) - _SHOWN_ROWS
        rest = f"{more:,} more rows are in the report as HTML." if more > 0 else ""
        if note := " ".join(filter(None, (section.table.note, rest))):
            found.append(Paragraph(_safe(note), _SMALL))
    return found


def _table(table: Table) -> Flowable:
    columns = len(table.head)
    numbers = len(table.numeric)
    narrow = min(17 * mm, 0.6 * _WIDTH / max(numbers, 1))
    wide = (_WIDTH - narrow * numbers) / max(columns - numbers + 1, 1)  # the first, which holds names, is twice as wide
    head = [Paragraph(f"<b>{_safe(name)}</b>", _NUMBER if n in table.numeric else _CELL) for n, name in enumerate(table.head)]
    rows: list[list[Any]] = [
        [Paragraph(_safe(cell), _NUMBER if n in table.numeric else _CELL) for n, cell in enumerate(row)] for row in table.rows[:_SHOWN_ROWS]
    ]
    style = TableStyle([
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE), ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4), ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ])  # fmt: skip
    widths = [narrow if n in table.numeric else wide * (1 + (n == 0)) for n in range(columns)]
    return LongTable([head, *rows], widths, repeatRows=1, style=style)


def _telling(telling: Telling, side: Side) -> list[Flowable]:
    parts = []
    for text, strength in stretches(telling, side):
        safe = _safe(text)
        parts.append(f"<u><b>{safe}</b></u>" if strength == 2 else f"<u>{safe}</u>" if strength else safe)
    where = ", ".join(filter(None, (telling.speaker, telling.document, telling.dimension, f"{telling.score:.2f}")))
    return [Paragraph("".join(parts), _TEXT), Paragraph(_safe(where), _SMALL)]


def _safe(text: str) -> str:
    """Keep what people wrote from being taken for markup."""
    return escape(text)


def _number_page(canvas: Canvas, document: BaseDocTemplate) -> None:
    canvas.setFont(_FONT, 7)
    canvas.setFillColor(_SOFT)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, f"{canvas.getPageNumber()}")


@cache
def _register_fonts() -> None:
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (_FONT, _BOLD):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))
    pdfmetrics.registerFontFamily(_FONT, normal=_FONT, bold=_BOLD, italic=_FONT, boldItalic=_BOLD)
