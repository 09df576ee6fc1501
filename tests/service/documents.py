"""One short set of minutes in every kind of file the readers know, made afresh by the libraries people's own programs use."""

import io
from email.message import EmailMessage

import docx
import odfdo
import openpyxl
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

HEADING = "Depot Meeting Minutes"
PARAGRAPH = "The board approved the budget for next year. Nobody asked about the canteen."
ITEMS = ("Ana to send the signed contract by Friday", "Every driver checks the lights before leaving")
LATER = ["Thank you for reading this far."] + ["The lamps were mended, too."] * 300
SENTENCES = ["The board approved the budget for next year.", "Nobody asked about the canteen.", *ITEMS]


def as_docx() -> bytes:
    document = docx.Document()
    document.add_heading(HEADING, 1)
    document.add_paragraph(PARAGRAPH)
    for item in ITEMS:
        document.add_paragraph(item, style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Van 4", "Leeds"
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def as_odt() -> bytes:
    document = odfdo.Document("text")
    document.body.clear()
    document.body.append(odfdo.Header(1, HEADING))
    document.body.append(odfdo.Paragraph(PARAGRAPH))
    document.body.append(odfdo.List(list(ITEMS)))
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def as_pdf(pages: int = 1, password: str | None = None) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, encrypt=password)
    for page in range(pages):
        canvas.drawString(72, 800, "Depot Ltd")
        text = canvas.beginText(72, 760)
        first = (HEADING, "", PARAGRAPH, "", *(f"- {item}" for item in ITEMS))
        for line in first if page == 0 else (LATER[page - 1],):
            text.textLine(line)
        canvas.drawText(text)
        canvas.drawString(72, 40, f"Page {page + 1} of {pages}")
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def as_picture_pdf() -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    canvas.rect(100, 100, 200, 200, fill=1)
    canvas.showPage()
    canvas.save()
    return stream.getvalue()


def as_rtf() -> bytes:
    lines = [HEADING, "", PARAGRAPH, "", *(f"- {item}" for item in ITEMS)]
    return ("{\\rtf1\\ansi\\deff0 " + "\\par ".join(lines) + "}").encode()


def as_html() -> bytes:
    items = "".join(f"<li>{item}</li>" for item in ITEMS)
    return (
        f"<!doctype html><html><head><title>t</title><style>p {{}}</style><script>alert('never')</script></head><body><h1>{HEADING}</h1>"
        f"<p>{PARAGRAPH.replace('budget', '<b>budget</b>')}</p><ul>{items}</ul>"
        "<table><tr><td>Van 4</td><td>Leeds</td></tr></table></body></html>"
    ).encode()


def as_eml(html: bool = False) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Ana <ana@depot.example>", "all@depot.example", HEADING
    message["Message-ID"] = "<1@depot.example>"
    if html:
        message.set_content(as_html().decode(), subtype="html")
    else:
        message.set_content("\n".join([PARAGRAPH, "", *(f"- {item}" for item in ITEMS), "", "Kind regards,", "Ana"]))
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="plan.pdf")
    return message.as_bytes()


def as_xlsx() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["id", "notes", "site"])
    for number, sentence in enumerate(SENTENCES):
        sheet.append([number, sentence, "Leeds"])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def as_csv(delimiter: str = ",") -> bytes:
    return "\r\n".join([delimiter.join(["id", "notes"]), *(f'{n}{delimiter}"{s}"' for n, s in enumerate(SENTENCES))]).encode()


def as_jsonl() -> bytes:
    return "\n".join(f'{{"id": {n}, "text": "{s}"}}' for n, s in enumerate(SENTENCES)).encode()


def as_markdown() -> bytes:
    return "\n".join([f"# {HEADING}", "", PARAGRAPH, "", *(f"* {item}" for item in ITEMS)]).encode()


VTT = b"""WEBVTT

NOTE made by hand

1
00:01.000 --> 00:04.000
<v Ana Silva>We need to have the budget

2
00:00:04.000 --> 00:00:06.500 align:start
<v Ana Silva>ready by Friday.</v>

00:00:07.000 --> 00:00:09.000
<v Piet Bos>I think we are heading somewhere else.</v>
"""
ZOOM_VTT = (
    VTT.replace(b"<v Ana Silva>We", b"Ana Silva: We")
    .replace(b"<v Ana Silva>", b"")
    .replace(b"<v Piet Bos>", b"Piet Bos: ")
    .replace(b"</v>", b"")
)
SRT = b"""1
00:00:01,000 --> 00:00:04,000
Ana Silva: We need to have the budget

2
00:00:04,000 --> 00:00:06,500
ready by Friday.

3
00:00:07,000 --> 00:00:09,000
Piet Bos: I think we are heading somewhere else.
"""
OTTER = b"""Ana Silva  0:01
We need to have the budget ready by Friday.

Piet Bos  0:07
I think we are heading somewhere else.

Ana Silva  0:09
Fine.
"""
SPOKEN = [("Ana Silva", "We need to have the budget ready by Friday."), ("Piet Bos", "I think we are heading somewhere else.")]

ALL_KINDS = {
    "docx": as_docx, "odt": as_odt, "pdf": as_pdf, "rtf": as_rtf, "html": as_html, "eml": as_eml, "xlsx": as_xlsx, "csv": as_csv,
    "tsv": lambda: as_csv("\t"), "jsonl": as_jsonl, "md": as_markdown, "txt": as_markdown,
}  # fmt: skip
