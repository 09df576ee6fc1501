"""`helmkeel report` and `helmkeel compare`, as people run them."""

import html
import json
import re
from collections import Counter
from datetime import date, datetime
from html.parser import HTMLParser
from pathlib import Path

import pypdfium2
import pytest
from selectolax.lexbor import LexborHTMLParser

from model.labels import Dimension, Label, Side, Verdict
from service.report.charts import NARROW, WIDE, Balance, Profile, Timeline
from service.report.data import Entry, Group
from service.report.dates import date_of
from service.settings import ROOT
from tests.service import documents as made
from tests.service.command import Command

COUNTS = {Label.LEADERSHIP: 3, Label.MANAGEMENT: 4, Label.MIXED: 1, Label.NEITHER: 2}


@pytest.fixture
def folder(tmp_path: Path, examples: dict[str, str]) -> Path:
    root = tmp_path / "in"
    root.mkdir()
    for number, (name, text) in enumerate(examples.items()):
        (root / f"2024-0{number + 1}-15 {name}").write_text(text, encoding="utf-8")
    (root / "call.vtt").write_bytes(made.VTT)
    (root / "<b>&.txt").write_text("<script>alert(1)</script> We want to learn what people believe in & build trust with them.")
    (root / "broken.pdf").write_bytes(made.as_picture_pdf())
    return root


def test_a_page_shows_everything_and_needs_nothing(helmkeel: Command, tmp_path: Path, folder: Path) -> None:
    done = helmkeel.here("report", folder, "-o", "report.html", "--title", "Three <years> of minutes")
    assert done.returncode == 1
    assert b"broken.pdf: the PDF holds no text" in done.stderr
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = LexborHTMLParser(text)
    assert [node.text() for node in page.css("h2")] == [
        "Documents", "Profile", "Most telling sentences", "Over time", "Speakers", "What was skipped", "Not read",
    ]  # fmt: skip
    assert [node.text() for node in page.css("h1")] == ["Three <years> of minutes"]
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert "://" not in re.sub(r'xmlns(?::\w+)?="[^"]*"', "", text)
    assert len(page.css("script")) == 1
    assert len(page.css("svg[role=img][aria-label]")) == 8  # four charts at two widths
    assert len(page.css("th[scope=col]")) > 20
    identifiers = [node.attributes["id"] for node in page.css("[id]")]
    assert len(identifiers) == len(set(identifiers))
    _Balanced().feed(text)
    names = [node.text() for node in page.css("tbody th[scope=row]")]
    assert all(any(path.name in name for name in names) for path in folder.iterdir())
    assert page.css("ol.leadership mark.much") and page.css("ol.management mark.much")
    quoted = [node.text() for node in page.css("q")]
    sources = " ".join(html.unescape(path.read_text(encoding="utf-8")) for path in folder.iterdir() if path.suffix in {".txt", ".md"})
    assert sum(" ".join(q.split()) in " ".join(sources.split()) for q in quoted) >= len(quoted) - 2
    assert helmkeel.here("report", folder, "-o", "report.html").returncode == 2
    assert helmkeel.here("report", folder, "-o", "report.html", "--force", "--jobs", "2").returncode == 1


class _Balanced(HTMLParser):
    """Fails on elements that are not closed in the order they were opened."""

    EMPTY = frozenset({"meta", "br", "link", "img", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_pdf_and_markdown_say_the_same(helmkeel: Command, tmp_path: Path, folder: Path) -> None:
    for name in ("report.pdf", "report.md"):
        assert helmkeel.here("report", folder, "-o", name).returncode == 1
    markdown = (tmp_path / "report.md").read_text(encoding="utf-8")
    document = pypdfium2.PdfDocument(tmp_path / "report.pdf")
    pdf = " ".join(page.get_textpage().get_text_range() for page in document)
    for heading in ("Documents", "Profile", "Most telling sentences", "Over time", "Speakers", "What was skipped", "Not read"):
        assert f"## {heading}" in markdown
        assert heading in pdf
    assert "<script>" not in markdown
    assert r"\<b\>&.txt" in markdown
    assert "Piet Bos" in markdown and "Piet Bos" in pdf
    assert "judges a person" in markdown and "judges a person" in pdf


def test_two_documents_stand_side_by_side(helmkeel: Command, tmp_path: Path) -> None:
    one, other = ROOT / "examples" / "minutes.md", ROOT / "examples" / "job-description.txt"
    done = helmkeel.here("compare", one, other)
    assert done.returncode == 0
    text = done.stdout.decode()
    assert re.search(r"\| share of leadership \| \d+% \| \d+% \| [+-]?\d+ points \|", text)
    verdicts = [json.loads(helmkeel.here("tag", path, "--json").stdout)["label"] for path in (one, other)]
    assert f"| verdict | {verdicts[0]} | {verdicts[1]} |  |" in text
    assert "### Leadership, A: minutes.md" in text
    for name in ("c.html", "c.pdf"):
        assert helmkeel.here("compare", one, ROOT / "examples", "-o", name).returncode == 0
    page = LexborHTMLParser((tmp_path / "c.html").read_text(encoding="utf-8"))
    assert [node.text() for node in page.css("h4")] == ["A: minutes.md", "B: examples"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("report", "missing", "-o", "r.html"), "no such file"), (("report", ".", "-o", "r.doc"), "use .html, .pdf or .md")],
)
def test_what_cannot_be_done_is_refused(helmkeel: Command, arguments: tuple[str, ...], message: str) -> None:
    done = helmkeel.here(*arguments)
    assert done.returncode == 2
    assert message in done.stderr.decode()


@pytest.mark.parametrize(
    ("source", "text", "columns", "expected"),
    [
        ("minutes/2024-03-18.md", "", {}, date(2024, 3, 18)),
        ("minutes/20240318_board.md", "", {}, date(2024, 3, 18)),
        ("minutes 2024-03/board.md", "", {}, date(2024, 3, 1)),
        ("a/2024-13-45.md", "", {}, None),
        ("tel-0123456789.txt", "", {}, None),
        ("a.md", "---\ntitle: x\ndate: 2023-01-02\n---\nText", {}, date(2023, 1, 2)),
        ("a.md", "Text\ndate: 2023-01-02\n---\n", {}, None),
        ("a.eml", "From: a\nDate: Mon, 04 Mar 2024 09:00:00 +0000\n\nText", {}, date(2024, 3, 4)),
        ("2020-01-01.csv", "", {"Date": "2022-05-06T10:00"}, date(2022, 5, 6)),
        ("a.parquet", "", {"day": datetime(2022, 5, 6)}, date(2022, 5, 6)),
        ("a.csv", "", {"date": "soon"}, None),
    ],
)
def test_dates(source: str, text: str, columns: dict[str, object], expected: date | None) -> None:
    assert date_of(source, text, columns, None) == expected


def test_charts_say_in_words_what_they_show_and_differ_in_pattern() -> None:
    charts = (
        Balance("b", [("cost $5 and $6 <x>", COUNTS), ("nothing", dict.fromkeys(Label, 0))]),
        Profile("p", [("one", {Dimension.WORK: {Side.LEADERSHIP: 1, Side.MANAGEMENT: 4}}, 10)]),
        Profile("q", [("one", {Dimension.WORK: {Side.LEADERSHIP: 1}}, 10), ("two", {}, 0)]),
        Timeline("t", [("2024-01", 0.5, 10), ("2024-02", 0.25, 4)]),
    )
    for chart in charts:
        for width in (WIDE, NARROW):
            svg = chart.svg(width)
            assert svg == chart.svg(width)
            assert svg.startswith("<svg role=")
        assert chart.png().startswith(b"\x89PNG")
    balance = charts[0].svg(WIDE)
    assert "cost $5 and $6 &lt;x&gt;" in balance
    assert "40%" in balance
    assert balance.count("<pattern") >= 2


def test_sums_do_not_depend_on_how_the_work_was_cut() -> None:
    def group(*names: str) -> Group:
        entries = [Entry(name, Verdict.MIXED, COUNTS, date(2024, 1, 1 + n), 5, 100) for n, name in enumerate(names)]
        dimensions = {Dimension.WORK: Counter({Side.MANAGEMENT: len(names)})}
        return Group("g", entries, dimensions, {"Ana": Counter(COUNTS)}, characters=100 * len(names))

    total = Group("g")
    total.add(group("a", "b"))
    total.add(group("c"))
    assert total.sentences == 30
    assert total.dimensions[Dimension.WORK][Side.MANAGEMENT] == 3
    assert total.speakers["Ana"][Label.LEADERSHIP] == 6
    assert total.leadership_share == pytest.approx(3.5 / 8)
    assert [name for name, _ in total.over_time()] == ["2024-01-01", "2024-01-02"]
