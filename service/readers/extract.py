"""One function for each kind of file: bytes to text in which lines, `#`, `-`, `|` and `>` carry the structure the segmenter needs."""

import io
import re
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final

from service.readers.kinds import MAX_PDF_PAGES, FileKind, ReaderError, decode
from service.readers.tables import rows_of, text_of

if TYPE_CHECKING:
    from odfdo import Element

# Each parser is imported where it is used: a worker reads one file, and need not load the others.


def _text(content: bytes) -> str:
    decoded = decode(content)
    if decoded is None:
        raise ReaderError("damaged_file", "the content is not text in a known encoding")
    return decoded[0]


def docx(content: bytes) -> str:
    """Read a Word document: paragraphs, headings, lists and tables in order. Headers and footers are left out."""
    from docx import Document
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    def lines(container: object) -> Iterator[str]:
        for item in container.iter_inner_content():  # type: ignore[attr-defined]
            if isinstance(item, Table):
                for row in item.rows:
                    yield f"| {' | '.join(' '.join(cell.text.split()) for cell in row.cells)} |"
                yield ""
            elif isinstance(item, Paragraph):
                yield _marked(item)

    def _marked(paragraph: Paragraph) -> str:
        text = paragraph.text.strip()
        style = (paragraph.style.name or "") if paragraph.style else ""
        properties = paragraph._p.pPr
        listed = style.startswith("List") or (properties is not None and properties.numPr is not None)
        if not text:
            return ""
        if style.startswith(("Heading", "Title")):
            return f"\n# {text}\n"
        return f"- {text}" if listed else f"{text}\n"

    return _required("\n".join(lines(Document(io.BytesIO(content)))))


def odt(content: bytes) -> str:
    """Read an OpenDocument text: headings, paragraphs, lists and tables in order."""
    from odfdo import Document

    lines: list[str] = []
    for element in Document(io.BytesIO(content)).body.get_elements("//text:h|//text:p|//table:table-row"):
        ancestors = _ancestors(element)
        if element.tag == "table:table-row":
            cells = (" ".join(cell.text_recursive.split()) for cell in element.get_elements("table:table-cell"))
            lines.append(f"| {' | '.join(cells)} |")
        elif "table:table-cell" in ancestors:
            continue
        elif text := element.text_recursive.strip():
            mark = "# " if element.tag == "text:h" else "- " if "text:list-item" in ancestors else ""
            lines.append(f"{mark}{text}" + ("" if mark == "- " else "\n"))
    return _required("\n".join(lines))


def _ancestors(element: "Element") -> set[str]:
    tags = set()
    parent = element.parent
    while parent is not None:
        tags.add(parent.tag)
        parent = parent.parent
    return tags


def rtf(content: bytes) -> str:
    """Read a rich-text file."""
    from striprtf.striprtf import rtf_to_text

    return _required(rtf_to_text(content.decode("cp1252", "replace"), errors="replace"))  # type: ignore[no-untyped-call]


def pdf(content: bytes) -> str:
    """Read a PDF page by page, pages divided by form feeds."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "assword" in str(error):
            raise ReaderError("encrypted_file", "the PDF is protected by a password; save a copy without one") from error
        raise ReaderError("damaged_file", "the PDF is damaged; open it in its own program and save it again") from error
    if len(document) > MAX_PDF_PAGES:
        detail = f"the PDF has {len(document)} pages, the limit is {MAX_PDF_PAGES}"
        raise ReaderError("too_many_pages", detail, limit=MAX_PDF_PAGES, size=len(document))
    pages = (page.get_textpage().get_text_range() for page in document)
    text = "\n\f\n".join(page.replace("\ufffe\r\n", "").replace("\r\n", "\n") for page in pages)
    return _required(text, "the PDF holds no text, only pictures; run text recognition (OCR) over it first")


_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure footer form header hr
    html legend li main menu nav ol optgroup option p pre section summary table tbody tfoot thead title tr ul
    """.split()
)
_UNSEEN: Final = frozenset("script style template noscript iframe object svg math canvas audio video select".split())
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def html(content: bytes) -> str:
    """Read a web page: what a browser would show, blocks as lines."""
    return html_text(_text(content))


def html_text(markup: str) -> str:
    """Return the text of HTML markup. The walk keeps its own stack, so that no depth of nesting can exhaust Python's."""
    from selectolax.lexbor import LexborHTMLParser

    root = LexborHTMLParser(markup).root
    parts: list[str] = []
    stack = [(root, False)] if root else []
    while stack:
        node, leaving = stack.pop()
        tag = node.tag or ""
        if leaving:
            parts.append(_close(tag))
            continue
        if tag == "-text":
            parts.append(" ".join((node.text_content or "").split()).join(_edges(node.text_content or "")))
            continue
        if tag in _UNSEEN or tag == "head" or "hidden" in node.attributes:
            continue
        parts.append(_open(tag))
        stack.append((node, True))
        children = list(node.iter(include_text=True))
        stack.extend((child, False) for child in reversed(children))
    lines = (" ".join(line.split()) for line in "".join(parts).splitlines())
    return _required(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n"))


def _edges(text: str) -> list[str]:
    """What to put before and after a stripped text so that inline elements keep the spaces between them."""
    return [" " if text[:1].isspace() else "", " " if text[-1:].isspace() else ""]


def _open(tag: str) -> str:
    if tag in _HEADINGS:
        return "\n\n# "
    if tag in {"td", "th"}:
        return " | "
    if tag == "li":
        return "\n- "
    if tag == "br":
        return "\n"
    return "\n\n" if tag in {"p", "table"} else "\n" if tag in _BLOCKS else ""


def _close(tag: str) -> str:
    if tag == "tr":
        return " |\n"
    return "\n\n" if tag in _HEADINGS or tag in {"p", "ul", "ol", "table"} else "\n" if tag in _BLOCKS else ""


def eml(content: bytes) -> str:
    """Read a mail: its headers a line each, then its text, plain rather than HTML; attachments are named, not read."""
    message = message_from_bytes(content, policy=policy.default)
    if not isinstance(message, EmailMessage):
        raise ReaderError("damaged_file", "the file is no mail")
    headers = [f"{name}: {message[name]}" for name in ("From", "To", "Cc", "Date", "Subject") if message[name]]
    attached = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    if attached:
        headers.append(f"Attachments: {', '.join(attached)}")
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        raise ReaderError("no_text", "the mail holds no text")
    text = body.get_content()
    return "\n".join(headers) + "\n\n" + _required(html_text(text) if body.get_content_subtype() == "html" else text)


def vtt(content: bytes) -> str:
    """Read WebVTT captions as turns."""
    import webvtt

    return _turns((cue.voice, cue.text) for cue in webvtt.from_string(_text(content).replace("\r\n", "\n")).captions)


def srt(content: bytes) -> str:
    """Read SubRip captions as turns."""
    import webvtt

    return _turns((None, cue.text) for cue in webvtt.from_buffer(io.StringIO(_text(content).replace("\r\n", "\n")), format="srt").captions)


def _turns(cues: Iterator[tuple[str | None, str]]) -> str:
    """Join cues into turns, a line each (`Name: ...` where the speaker is known), so that sentences split over cues come together."""
    from model.patterns import SPEAKER

    turns: list[tuple[str | None, list[str]]] = []
    for voice, text in cues:
        words = " ".join(text.split())
        speaker = voice
        if not speaker and (match := SPEAKER.match(words)):
            speaker, words = match[1], words[match.end() :]
        if not words:
            continue
        if turns and (speaker is None or speaker == turns[-1][0]):
            turns[-1][1].append(words)
        else:
            turns.append((speaker, [words]))
    return _required("\n".join(f"{speaker}: {' '.join(words)}" if speaker else " ".join(words) for speaker, words in turns))


def table(kind: FileKind) -> Callable[[bytes], str]:
    """Return a reader that gives the text column of a table, a row a paragraph."""

    def read(content: bytes) -> str:
        return _required("\n\n".join(text_of(rows_of(content, kind))))

    return read


def _required(text: str, otherwise: str = "the file holds no text") -> str:
    if not text.strip(" \t\r\n\f|#-"):
        raise ReaderError("no_text", otherwise)
    return text


EXTRACTORS: Final[dict[FileKind, Callable[[bytes], str]]] = {
    FileKind.TXT: _text,
    FileKind.MARKDOWN: _text,
    FileKind.HTML: html,
    FileKind.DOCX: docx,
    FileKind.PDF: pdf,
    FileKind.VTT: vtt,
    FileKind.SRT: srt,
    FileKind.EML: eml,
    FileKind.RTF: rtf,
    FileKind.ODT: odt,
    FileKind.CSV: table(FileKind.CSV),
    FileKind.TSV: table(FileKind.TSV),
    FileKind.JSONL: table(FileKind.JSONL),
    FileKind.XLSX: table(FileKind.XLSX),
}
