"""All sentences of an answer as a table that spreadsheets open."""

import csv
import io
from typing import Final

from service.schemas import TagResponse

COLUMNS: Final = ("sentence", "label", "leadership", "management", "dimension", "concept", "speaker", "abstained", "start", "end", "text")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_of(answer: TagResponse) -> bytes:
    """Return CSV in UTF-8 with the mark Excel wants; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for s in answer.sentences:
        row = (s.label, s.scores.leadership, s.scores.management, s.dimension or "", s.concept or "", _safe(s.speaker or ""))
        writer.writerow((s.index + 1, *row, s.abstained, s.start, s.end, _safe(s.text)))
    return stream.getvalue().encode("utf-8-sig")


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
