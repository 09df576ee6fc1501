"""What kind of file some bytes are, from their content first and their name second."""

import io
import re
import zipfile
from enum import StrEnum
from pathlib import PurePath
from typing import Final

MAX_FILE_BYTES: Final = 10_000_000
MAX_UNZIPPED_BYTES: Final = 50_000_000
MAX_PDF_PAGES: Final = 200


class FileKind(StrEnum):
    """The kinds that can be read."""

    TXT = "txt"
    MARKDOWN = "md"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"
    VTT = "vtt"
    SRT = "srt"
    EML = "eml"
    RTF = "rtf"
    ODT = "odt"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    XLSX = "xlsx"


class ReaderError(Exception):
    """A file cannot be read; `code` is stable, the message says why and what to try, and quotes nothing of the file."""

    def __init__(self, code: str, detail: str, *, limit: int | None = None, size: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.limit = limit
        self.size = size


_SUFFIXES: Final = {
    ".txt": FileKind.TXT, ".text": FileKind.TXT, ".log": FileKind.TXT, ".md": FileKind.MARKDOWN, ".markdown": FileKind.MARKDOWN,
    ".html": FileKind.HTML, ".htm": FileKind.HTML, ".docx": FileKind.DOCX, ".pdf": FileKind.PDF, ".vtt": FileKind.VTT, ".srt": FileKind.SRT,
    ".eml": FileKind.EML, ".rtf": FileKind.RTF, ".odt": FileKind.ODT, ".csv": FileKind.CSV, ".tsv": FileKind.TSV, ".tab": FileKind.TSV,
    ".jsonl": FileKind.JSONL, ".ndjson": FileKind.JSONL, ".xlsx": FileKind.XLSX,
}  # fmt: skip
# Kinds that are plain text: any text may carry their name, so only the name tells.
_BY_NAME: Final = frozenset({FileKind.TXT, FileKind.MARKDOWN, FileKind.CSV, FileKind.TSV, FileKind.JSONL})
_ZIPPED: Final = {"word/document.xml": FileKind.DOCX, "xl/workbook.xml": FileKind.XLSX}
_ODT_TYPE: Final = b"application/vnd.oasis.opendocument.text"
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_ZERO_SHARE: Final = 0.3  # of the bytes on one side of each pair: then the text is UTF-16 in a Western language
_CONTROL_SHARE: Final = 0.05  # of the characters: more control characters than this, and it is no text
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_HTML: Final = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_SRT: Final = re.compile(r"\s*\d+\s*\r?\n\d{1,2}:\d{2}:\d{2}[,.]\d{3}\s*-->")
_EML: Final = re.compile(
    r"(?:(?:Received|Return-Path|Delivered-To|From|To|Date|Subject|Message-ID|MIME-Version|X-[\w-]+):[^\n]*\n(?:[ \t][^\n]*\n)*){3}"
)
_MESSAGE_MARK: Final = re.compile(r"^(?:MIME-Version|Message-ID|Received):", re.MULTILINE | re.IGNORECASE)


def detect(content: bytes, name: str | None = None) -> FileKind:
    """Return the kind of a file.

    Args:
        content: all bytes of the file.
        name: file name or path, if there is one; only its suffix is looked at, and only where the content does not decide.

    Raises:
        ReaderError: `unsupported_kind`, `damaged_file`, `unzipped_too_large`.
    """
    if content.startswith(b"%PDF-") or b"%PDF-" in content[:1024]:
        return FileKind.PDF
    if content.startswith(b"{\\rtf"):
        return FileKind.RTF
    if content.startswith(b"PK\x03\x04"):
        return _zipped_kind(content)
    decoded = decode(content)
    if decoded is None:
        raise ReaderError("unsupported_kind", f"the content is none of the kinds that can be read: {', '.join(FileKind)}")
    head = decoded[0][:4096]
    if head.startswith("WEBVTT"):
        return FileKind.VTT
    if _SRT.match(head):
        return FileKind.SRT
    if _HTML.match(head):
        return FileKind.HTML
    if _EML.match(head) and _MESSAGE_MARK.search(head):
        return FileKind.EML
    named = _SUFFIXES.get(PurePath(name).suffix.lower()) if name else None
    if named is FileKind.EML and re.match(r"[\w-]+: ", head):
        return named
    return named if named in _BY_NAME else FileKind.TXT


def decode(content: bytes) -> tuple[str, str] | None:
    """Return text and encoding: by byte-order mark, by the zeros of UTF-16, as UTF-8, as Windows-1252; None for binary content."""
    for encoding in encodings(content):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        head = text[:4096]
        return (text, encoding) if len(_CONTROL.findall(head)) <= _CONTROL_SHARE * len(head) else None
    return None


def encodings(content: bytes) -> tuple[str, ...]:
    """Return the encodings that text with these first bytes may have, the likeliest first."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return (encoding,)
    even, odd = content[:4096:2].count(0), content[1:4096:2].count(0)
    half = len(content[:4096:2])
    if max(even, odd) > _ZERO_SHARE * half and min(even, odd) < _CONTROL_SHARE * half:
        return ("utf-16-be",) if even > odd else ("utf-16-le",)
    return ("utf-8", "cp1252", "latin-1")


def _zipped_kind(content: bytes) -> FileKind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            mimetype = archive.read("mimetype")[:100] if any(e.filename == "mimetype" and e.file_size < 100 for e in entries) else b""
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ReaderError(
            "damaged_file", "the file is a damaged or encrypted archive; open it in its own program and save it again"
        ) from error
    size = sum(entry.file_size for entry in entries)
    if size > MAX_UNZIPPED_BYTES:
        detail = f"unpacked it has {size} bytes, the limit is {MAX_UNZIPPED_BYTES}"
        raise ReaderError("unzipped_too_large", detail, limit=MAX_UNZIPPED_BYTES, size=size)
    for entry, kind in _ZIPPED.items():
        if any(e.filename == entry for e in entries):
            return kind
    if mimetype.startswith(_ODT_TYPE):
        return FileKind.ODT
    raise ReaderError("unsupported_kind", "the archive is no .docx, .xlsx or .odt; unpack it and name the files in it")
