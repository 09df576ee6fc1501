"""A folder as an organisation has one: minutes, roles, mails, calls and tables of every kind, and ten files broken in ten ways."""

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from itertools import cycle
from pathlib import Path

import docx
import odfdo
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from service.settings import ROOT
from tests.service import documents as made
from training.corpus import read_corpus

PEOPLE = ("Ana Silva", "Piet Bos", "Marta Owen", "Tom Reed")
TITLES = ("Weekly Operations Meeting", "Role Description", "Programme Board Minutes", "Team Handbook")


def make_folder(root: Path, count: int, *, broken: bool = True, seed: int = 7) -> list[str]:
    """Fill a folder with `count` files, ten of them broken; return the names of those."""
    chance = random.Random(seed)  # noqa: S311
    sentences = [example.text for example in read_corpus(ROOT / "data" / "corpus")]
    chance.shuffle(sentences)
    supply = cycle(sentences)
    names = list(BROKEN) if broken else []
    for number, kind in zip(range(count - len(names)), cycle(KINDS), strict=False):
        folder = root / ("minutes", "roles", "calls", "tables/2024")[number % 4]
        folder.mkdir(parents=True, exist_ok=True)
        parts = [next(supply) for _ in range(chance.randint(8, 40))]
        date = f"{2023 + number % 3}-{1 + number % 12:02}-{1 + number % 28:02}"
        (folder / f"{date}-{number:04}.{kind}").write_bytes(KINDS[kind](chance.choice(TITLES), date, parts))
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(BROKEN[name]())
    (root / ".hidden").mkdir(parents=True, exist_ok=True)
    (root / ".hidden" / "secret.txt").write_text("Nobody is to read this file.", encoding="utf-8")
    return names


def _lines(title: str, date: str, parts: list[str]) -> Iterator[str]:
    yield from (f"# {title}", "", f"Date: {date}", "")
    middle = len(parts) // 2
    yield " ".join(parts[:middle])
    yield from ("", "## Actions", "")
    yield from (f"- {part}" for part in parts[middle:])


def _text(title: str, date: str, parts: list[str]) -> bytes:
    return "\n".join(_lines(title, date, parts)).encode()


def _front_matter(title: str, date: str, parts: list[str]) -> bytes:
    return f"---\ntitle: {title}\ndate: {date}\n---\n\n".encode() + _text(title, date, parts)


def _html(title: str, date: str, parts: list[str]) -> bytes:
    items = "".join(f"<li>{part}</li>" for part in parts[5:])
    return f"<!doctype html><html><body><h1>{title}</h1><p>{' '.join(parts[:5])}</p><ul>{items}</ul></body></html>".encode()


def _docx(title: str, date: str, parts: list[str]) -> bytes:
    document = docx.Document()
    document.add_heading(title, 1)
    document.add_paragraph(" ".join(parts[:5]))
    for part in parts[5:]:
        document.add_paragraph(part, style="List Bullet")
    return _saved(document.save)


def _odt(title: str, date: str, parts: list[str]) -> bytes:
    document = odfdo.Document("text")
    document.body.clear()
    document.body.append(odfdo.Header(1, title))
    for part in parts:
        document.body.append(odfdo.Paragraph(part))
    return _saved(document.save)


def _pdf(title: str, date: str, parts: list[str]) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    for start in range(0, len(parts), 20):
        text = canvas.beginText(40, 780)
        text.setFont("Helvetica", 7)
        text.textLines([title, "", *(f"- {part}" for part in parts[start : start + 20])])
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _rtf(title: str, date: str, parts: list[str]) -> bytes:
    body = "\\par ".join((title, "", *parts))
    return ("{\\rtf1\\ansi\\deff0 " + "".join(c if ord(c) < 128 else f"\\u{ord(c)}?" for c in body) + "}").encode()


def _eml(title: str, date: str, parts: list[str]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ana <ana@depot.example>", "all@depot.example", title
    message["Message-ID"], message["Date"] = "<1@depot.example>", f"{date[8:]} Mar {date[:4]} 09:00:00 +0000"
    message.set_content("\n".join(("Dear all,", "", *parts, "", "Kind regards,", "Ana")))
    return message.as_bytes()


def _vtt(title: str, date: str, parts: list[str]) -> bytes:
    cues = (f"00:{n:02}:00.000 --> 00:{n:02}:30.000\n<v {PEOPLE[n % 3]}>{part}\n" for n, part in enumerate(parts))
    return "\n".join(("WEBVTT\n", *cues)).encode()


def _srt(title: str, date: str, parts: list[str]) -> bytes:
    cues = (f"{n + 1}\n00:{n:02}:00,000 --> 00:{n:02}:30,000\n{PEOPLE[n % 4]}: {part}\n" for n, part in enumerate(parts))
    return "\n".join(cues).encode()


def _csv(title: str, date: str, parts: list[str]) -> bytes:
    rows = (f'{n};{date};"{part}"' for n, part in enumerate(part.replace('"', "") for part in parts))
    return "\r\n".join(("id;date;notes", *rows)).encode("cp1252", "replace")


def _jsonl(title: str, date: str, parts: list[str]) -> bytes:
    return "\n".join(json.dumps({"id": f"r{n}", "date": date, "text": part}) for n, part in enumerate(parts)).encode()


def _xlsx(title: str, date: str, parts: list[str]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "date", "notes"])
    for number, part in enumerate(parts):
        sheet.append([number, date, part])
    return _saved(book.save)


def _parquet(title: str, date: str, parts: list[str]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"id": range(len(parts)), "text": parts, "date": [date] * len(parts)}), stream)
    return stream.getvalue()


def _zip(title: str, date: str, parts: list[str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"old/{date}.md"), _text(title, date, parts))
        archive.writestr(zipfile.ZipInfo("old/rows.jsonl"), _jsonl(title, date, parts))
        archive.writestr(zipfile.ZipInfo("__MACOSX/._x"), b"x")
    return stream.getvalue()


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    save(stream)
    return stream.getvalue()


KINDS: dict[str, Callable[[str, str, list[str]], bytes]] = {
    "txt": _text, "md": _front_matter, "html": _html, "docx": _docx, "pdf": _pdf, "rtf": _rtf, "odt": _odt, "eml": _eml, "vtt": _vtt,
    "srt": _srt, "csv": _csv, "jsonl": _jsonl, "xlsx": _xlsx, "parquet": _parquet, "zip": _zip,
}  # fmt: skip

BROKEN: dict[str, Callable[[], bytes]] = {
    "minutes/cut-off.docx": lambda: made.as_docx()[:3000],
    "minutes/empty.txt": lambda: b"",
    "minutes/picture.txt": lambda: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 20,
    "minutes/too-large.md": lambda: b"- Plan the rota for next week\n" * 400_000,
    "roles/locked.pdf": lambda: made.as_pdf(password="secret"),  # noqa: S106
    "roles/nothing.html": lambda: b"<!doctype html><html><body><script>x</script></body></html>",
    "roles/scanned.pdf": made.as_picture_pdf,
    "tables/cut-off.parquet": lambda: _parquet("", "2024-01-01", ["Plan the rota."])[:-30],
    "tables/open-quote.csv": lambda: b'id,text\n1,"Plan the rota',
    "tables/torn.zip": lambda: _zip("x", "2024-01-01", ["Plan the rota."])[:200],
}
