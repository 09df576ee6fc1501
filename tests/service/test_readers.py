import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from model.segment import segment
from model.tagger import Tagger
from service.readers import FileKind, ReaderError, read_file
from tests.service import documents as made
from tests.service.command import Command
from tests.service.running import PATIENCE

TRANSCRIPTS = {"vtt": made.VTT, "srt": made.SRT}


def sentences(text: str) -> list[str]:
    return [s.text for s in segment(text).sentences]


@pytest.mark.parametrize("kind", made.ALL_KINDS)
def test_every_kind_gives_the_same_sentences(kind: str) -> None:
    read = read_file(made.ALL_KINDS[kind](), f"minutes.{kind}")
    assert read.kind == kind
    assert sentences(read.text) == made.SENTENCES
    assert read.extracted == (kind not in {"md", "txt"})
    assert "never" not in read.text


@pytest.mark.parametrize("kind", FileKind)
def test_api_and_command_agree_on_every_kind(kind: str, client: httpx.Client, helmkeel: Command, tagger: Tagger, tmp_path: Path) -> None:
    content = TRANSCRIPTS[kind] if kind in TRANSCRIPTS else made.ALL_KINDS[kind]()
    path = tmp_path / f"minutes.{kind}"
    path.write_bytes(content)
    response = client.post("/v1/tag/file", files={"file": (str(path), content)}, data={"id": str(path), "include": ["evidence", "text"]})
    assert response.status_code == 200
    answer = response.json()
    command = json.loads(helmkeel.here("tag", path, "--json").stdout)
    if not answer["source"]["extracted"]:
        assert answer.pop("text") == content.decode()
        assert command.pop("text") is None
    else:
        assert all(answer["text"][s["start"] : s["end"]] == s["text"] for s in answer["sentences"])
    assert answer == command
    assert [s["label"] for s in answer["sentences"]] == [tag.label for tag in tagger.tag([s["text"] for s in answer["sentences"]])]


@pytest.mark.parametrize(("content", "name"), [(made.VTT, "a.vtt"), (made.ZOOM_VTT, "a.vtt"), (made.SRT, "a.srt"), (made.OTTER, "a.txt")])
def test_transcripts_keep_speakers_and_join_cues(content: bytes, name: str) -> None:
    read = read_file(content, name)
    assert [(s.speaker, s.text) for s in segment(read.text, read.text_kind).sentences] == made.SPOKEN


def test_shares_of_each_speaker(client: httpx.Client) -> None:
    answer = client.post("/v1/tag/file", files={"file": ("call.vtt", made.VTT)}).json()
    assert {name: counts["sentences"] for name, counts in answer["speakers"].items()} == {"Ana Silva": 1, "Piet Bos": 1}
    assert answer["source"] == {"name": "call.vtt", "kind": "vtt", "encoding": "utf-8", "extracted": True}


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (made.as_pdf, "a.docx"),
        (made.as_docx, "a.pdf"),
        (made.as_docx, "noname"),
        (made.as_rtf, "a.txt"),
        (made.as_html, "a.txt"),
        (made.as_eml, "a.txt"),
    ],
)
def test_the_content_decides_where_the_name_is_wrong(make: Callable[[], bytes], name: str) -> None:
    assert sentences(read_file(make(), name).text) == made.SENTENCES


TEXT = "The board’s café approved the plan – at last."


@pytest.mark.parametrize(
    ("encoding", "mark", "name"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("cp1252", b"", "cp1252"),
    ],
)
def test_encodings(encoding: str, mark: bytes, name: str) -> None:
    read = read_file(mark + TEXT.encode(encoding), "a.txt")
    assert (read.text, read.encoding) == (TEXT, name)


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_line_ends(ending: str) -> None:
    read = read_file(ending.join(["- Plan the whole week", "- Order new lamps today"]).encode(), "a.txt")
    assert sentences(read.text) == ["Plan the whole week", "Order new lamps today"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_text_is_no_error(content: bytes) -> None:
    assert sentences(read_file(content, "a.txt").text) == []


def test_quoted_replies_signatures_and_headers_of_mails(client: httpx.Client) -> None:
    answer = client.post("/v1/tag/file", files={"file": ("a.eml", made.as_eml())}, data={"include": ["text"]}).json()
    skipped = {answer["text"][s["start"] : s["end"]]: s["reason"] for s in answer["skipped"]}
    assert skipped["Kind regards,"] == skipped["Ana"] == skipped["Attachments: plan.pdf"] == "boilerplate"
    assert sentences(read_file(made.as_eml(html=True), "a.eml").text) == made.SENTENCES


def test_heads_and_feet_of_pages_are_boilerplate() -> None:
    found = segment(read_file(made.as_pdf(pages=3), "a.pdf").text)
    assert [s.text for s in found.sentences] == [*made.SENTENCES, *made.LATER[:2]]
    assert sum(s.reason == "boilerplate" for s in found.skipped) == 6


def bomb() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 60_000_000)
    return stream.getvalue()


def lying_bomb() -> bytes:
    """An archive whose directory says that the document is small."""
    content = bytearray(bomb())
    size = (60_000_000).to_bytes(4, "little")
    return bytes(content.replace(size, (1000).to_bytes(4, "little")))


def xml_bomb() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol" * 10}">' for n in range(10))
    xml = f'<?xml version="1.0"?><!DOCTYPE x [{entities}]><w:document xmlns:w="urn:x"><w:body>&e9;</w:body></w:document>'
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made.as_docx())) as old, zipfile.ZipFile(stream, "w") as new:
        for entry in old.infolist():
            new.writestr(entry, xml if entry.filename == "word/document.xml" else old.read(entry))
    return stream.getvalue()


def other_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("holiday.txt", "sun")
    return stream.getvalue()


def looping_pdf() -> bytes:
    return made.as_pdf().replace(b"/Type /Pages", b"/Type /Pages /Parent 4 0 R /Kids [4 0 R 4 0 R]")


@pytest.mark.parametrize(
    ("make", "name", "codes"),
    [
        (bomb, "a.docx", {"unzipped_too_large"}),
        (lying_bomb, "a.docx", {"damaged_file", "unzipped_too_large"}),
        (xml_bomb, "a.docx", {"damaged_file", "no_text"}),
        (lambda: made.as_docx()[:2000], "a.docx", {"damaged_file"}),
        (other_zip, "a.zip", {"unsupported_kind"}),
        (lambda: made.as_pdf(password="secret"), "a.pdf", {"encrypted_file"}),  # noqa: S106
        (lambda: made.as_pdf()[:400], "a.pdf", {"damaged_file"}),
        (made.as_picture_pdf, "a.pdf", {"no_text"}),
        (lambda: made.as_pdf(pages=201), "a.pdf", {"too_many_pages"}),
        (lambda: b"<html>" + b"<div>" * 1_000_000, "a.html", {"no_text", "damaged_file", "parser_timeout"}),
        (lambda: b"{\\rtf1" + b"{" * 500_000, "a.rtf", {"no_text", "damaged_file", "parser_timeout"}),
        (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, "a.txt", {"unsupported_kind"}),
        (lambda: b"x" * 10_000_001, "a.txt", {"file_too_large"}),
        (lambda: b"a,b\n\"x\n" + b"y" * 100, "a.csv", {"damaged_file", "no_text_column"}),
        (lambda: b'{"text": "x"}\n{', "a.jsonl", {"damaged_file"}),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_hostile_files_get_a_typed_error_in_time(make: Callable[[], bytes], name: str, codes: set[str]) -> None:
    content = make()
    started = time.monotonic()
    with pytest.raises(ReaderError) as caught:
        read_file(content, name)
    assert caught.value.code in codes
    assert time.monotonic() - started < PATIENCE  # a parser has five seconds; how soon its process starts is the machine's business


@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (lambda: b"x" * 10_200_000, 413, "body_too_large"),
        (lambda: b"x" * 10_000_001, 413, "file_too_large"),
        (bomb, 413, "unzipped_too_large"),
        (lambda: made.as_pdf(pages=201), 413, "too_many_pages"),
        (lambda: b"\x00\x01\x02\x03" * 99, 415, "unsupported_kind"),
        (made.as_picture_pdf, 422, "no_text"),
        (lambda: b"word " * 300_000, 413, "text_too_large"),
    ],
)
def test_the_api_answers_them_as_problems(client: httpx.Client, make: Callable[[], bytes], status: int, code: str) -> None:
    response = client.post("/v1/tag/file", files={"file": ("a", make())})
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_request_without_a_file(client: httpx.Client) -> None:
    body = client.post("/v1/tag/file", files={"other": b"x"}).json()
    assert body["errors"][0]["field"] == "file"
    assert client.post("/v1/tag/file", files={"file": ("a", b"x")}, data={"include": "nothing"}).status_code == 422


def test_a_line_of_ten_megabytes_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/tag/file", files={"file": ("a.txt", b"plan " * 1_999_999)})
    assert response.json()["code"] == "text_too_large"


def test_a_line_of_a_megabyte_is_read(client: httpx.Client) -> None:
    response = client.post("/v1/tag/file", files={"file": ("a.txt", b"plan the work " * 71_000)})
    assert response.json()["counts"]["sentences"] == 1


def test_a_reader_can_open_no_connection_and_no_other_file(tmp_path: Path) -> None:
    code = (
        "import sys; from service.readers import worker; sys.addaudithook(worker._refuse); import socket\n"
        "def tries(action):\n"
        "    try: action()\n"
        "    except PermissionError: print('refused')\n"
        "tries(lambda: socket.create_connection(('127.0.0.1', 9)))\n"
        f"tries(lambda: open({str(tmp_path / 'other')!r}))\n"
        "tries(lambda: open('/etc/passwd'))\n"
        "import subprocess\n"
        "tries(lambda: subprocess.run(['true']))\n"
    )
    (tmp_path / "other").write_text("x")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 4


def test_kinds_are_those_that_are_documented() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert all(f"`.{kind}`" in readme for kind in FileKind)
