"""Writes a report as Markdown: the same figures and sentences, without charts."""

import re
from collections.abc import Iterable, Sequence

from model.labels import Side
from service.report.marks import stretches
from service.report.report import USES_TO_AVOID, Report, Table


def to_markdown(report: Report) -> bytes:
    """Return the document."""
    return ("\n".join(_lines(report)).rstrip() + "\n").encode()


def _lines(report: Report) -> Iterable[str]:
    yield from (f"# {_escaped(report.title)}", "", _escaped(report.made), "", f"> {USES_TO_AVOID}", "")
    sections = report.sections()
    for section in sections[:2]:
        yield from _section(section.heading, section.text, section.table)
    yield from ("## Most telling sentences", "", "Words that decided are in bold.", "")
    for side in Side:
        for letter, group in zip("AB", report.groups, strict=False):
            heading = f"{side.capitalize()}, {letter}: {_escaped(group.name)}" if report.compares else side.capitalize()
            yield from (f"### {heading}", "")
            for telling in group.telling[side]:
                text = "".join(f"**{_escaped(t)}**" if strength == 2 else _escaped(t) for t, strength in stretches(telling, side))
                where = ", ".join(filter(None, (telling.speaker, telling.document, telling.dimension, f"{telling.score:.2f}")))
                yield f"- {' '.join(text.split())} ({_escaped(where)})"
            yield "" if group.telling[side] else "None.\n"
    for section in sections[2:]:
        yield from _section(section.heading, section.text, section.table)
    yield f"Made by Helmkeel, model {report.model}; scores are comparable only under the same model."


def _section(heading: str, text: str, table: Table | None) -> Iterable[str]:
    yield from (f"## {_escaped(heading)}", "", _escaped(text), "")
    if table:
        yield _row(table.head)
        yield _row(["---:" if column in table.numeric else "---" for column in range(len(table.head))])
        yield from (_row([_escaped(cell) for cell in row]) for row in table.rows)
        yield ""
        if table.note:
            yield from (table.note, "")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Keep what people wrote from being taken for Markdown or HTML, and on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split(" ")).replace("\n", " "))
