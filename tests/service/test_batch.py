"""`helmkeel score`, as people and programs run it."""

import csv
import json
import os
import random
import signal
import sqlite3
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from model.labels import Side
from model.tagger import Tagger
from service.settings import ROOT
from tests.service import documents as made
from tests.service.command import Command
from tests.service.folders import make_folder
from tests.service.running import PATIENCE, children

ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "Prepare the annual budget."},
    {"id": 2, "text": "Win people over to the new direction."},
    {"text": ""},
    {"id": "d", "text": "Two sentences here. They are taken as one.", "more": [1]},
]


@pytest.fixture
def score(helmkeel: Command) -> Command:
    """`helmkeel score`."""
    return replace(helmkeel, begin=("score",))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    root = tmp_path_factory.mktemp("folder") / "shared"
    return root, make_folder(root, 160)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_sentences_keep_order_ids_and_lines(score: Command, tagger: Tagger, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    done = score.here("in.jsonl", "--unit", "sentence", "-o", "out.jsonl")
    assert done.returncode == 0
    rows = rows_of(tmp_path / "out.jsonl")
    assert [r["id"] for r in rows] == ["a", 2, None, "d"]
    expected = tagger.tag([row["text"] for row in ROWS])
    assert [(r["label"], r["dimension"], r["concept"]) for r in rows] == [(tag.label, tag.dimension, tag.concept) for tag in expected]
    assert len({tag.label for tag in expected}) > 1
    assert set(rows[0]) == {"id", "label", "scores", "dimension", "concept", "abstained", "columns"}
    assert rows[3]["columns"] == {"more": [1]}
    assert done.stdout == b""
    assert score.here("in.jsonl", "--unit", "sentence", "-o", "-").stdout == (tmp_path / "out.jsonl").read_bytes()
    assert (
        score.here("-", "--unit", "sentence", "-o", "-", stdin=(tmp_path / "in.jsonl").read_bytes()).stdout
        == (tmp_path / "out.jsonl").read_bytes()
    )


def test_bad_rows_are_named_and_the_others_scored(score: Command, tmp_path: Path) -> None:
    bad = [
        b"{",
        b'{"id": 1}',
        b'{"text": "\xff"}',
        b"[]",
        b'{"text": 5}',
        b'{"text": "a", "id": [1]}',
        b'{"text": "secretword \\ud800"}',
        b'{"text": "a", "more": "\\ud800"}',
    ]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([json.dumps(ROWS[0]).encode(), *bad, b'{"text": "b"}']))
    done = score.here("in.jsonl", "--unit", "sentence", "-o", "out.jsonl")
    assert done.returncode == 1
    assert len(rows_of(tmp_path / "out.jsonl")) == 2
    message = done.stderr.decode()
    assert [f"line {n}:" in message for n in range(1, 11)] == [False, *[True] * 8, False]
    assert "text: Field required" in message
    assert "secretword" not in message
    failures = rows_of(tmp_path / "out.jsonl.errors.jsonl")
    assert [f["row"] for f in failures] == list(range(2, 10))
    assert {f["source"] for f in failures} == {"in.jsonl"}
    (tmp_path / "in.jsonl").write_text('{"text": "b"}')
    assert score.here("in.jsonl", "--unit", "sentence", "-o", "out.jsonl", "--force").returncode == 0
    assert not (tmp_path / "out.jsonl.errors.jsonl").exists()


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.xlsx"])
def test_tables(score: Command, tagger: Tagger, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(made.ALL_KINDS[name[3:]]())
    for arguments in ((), ("--text-column", "notes", "--id-column", "id")):
        assert score.here(name, "-o", "out.jsonl", "--unit", "sentence", "--force", *arguments).returncode == 0
        rows = rows_of(tmp_path / "out.jsonl")
        assert [int(r["id"]) for r in rows] == [0, 1, 2, 3]
        assert [r["label"] for r in rows] == [tag.label for tag in tagger.tag(made.SENTENCES)]
    assert rows[0]["columns"] == ({"site": "Leeds"} if name == "in.xlsx" else {})
    for option in ("--text-column", "--id-column"):
        done = score.here(name, "-o", "none.jsonl", option, "none", "--force")
        assert done.returncode == 1
        assert "the columns are id, notes" in done.stderr.decode()


def test_a_folder_of_all_kinds_is_scored_and_the_broken_files_named(score: Command, folder: tuple[Path, list[str]], tmp_path: Path) -> None:
    root, broken = folder
    done = score.here(root, "-o", "one.jsonl")
    assert done.returncode == 1
    failures = rows_of(tmp_path / "one.jsonl.errors.jsonl")
    assert sorted(f["source"] for f in failures) == sorted(str(root / name) for name in broken)
    assert len({f["code"] for f in failures}) >= 5
    assert all(f"{root / name}: " in done.stderr.decode() for name in broken)
    rows = rows_of(tmp_path / "one.jsonl")
    files = {path for path in root.rglob("*") if path.is_file() and ".hidden" not in path.parts}
    good = {str(path) for path in files} - {str(root / name) for name in broken}
    assert {r["source"].split(".zip/")[0] + (".zip" if ".zip/" in r["source"] else "") for r in rows} == good
    assert [r["source"] for r in rows] == sorted((r["source"] for r in rows), key=lambda s: Path(s).parts)
    assert {r["speaker"] for r in rows if r["source"].endswith(".vtt")} == {"Ana Silva", "Piet Bos", "Marta Owen"}
    several = score.here(root, "-o", "several.jsonl", "--jobs", "2")
    assert several.returncode == 1
    assert (tmp_path / "several.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    assert (tmp_path / "several.jsonl.errors.jsonl").read_bytes() == (tmp_path / "one.jsonl.errors.jsonl").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_a_row_of_a_document_is_what_the_api_says(score: Command, helmkeel: Command, tmp_path: Path) -> None:
    path = ROOT / "examples" / "chat.txt"
    score.here(path, "-o", "out.jsonl", "--rows", "documents")
    (row,) = rows_of(tmp_path / "out.jsonl")
    answer = json.loads(helmkeel.here("tag", path, "--json").stdout)
    same = ("id", "label", "counts", "shares", "dimensions", "concepts", "speakers", "coverage")
    assert {name: row[name] for name in same} == {name: answer[name] for name in same}
    score.here(path, "-o", "sentences.jsonl")
    for row, sentence in zip(rows_of(tmp_path / "sentences.jsonl"), answer["sentences"], strict=True):
        assert all(row[name] == sentence[name] for name in ("index", "start", "end", "text", "label", "scores", "speaker", "abstained"))


def test_every_output_holds_the_same_rows(score: Command, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "Plan the rota, \\"soon\\".\\nBuild trust.", "n": 1}\n{"text": "Set the budget for it.", "n": "x"}\n'
    )
    (tmp_path / "b.csv").write_text("id,text,site\n7,We want to learn from this.,Leeds\n")
    for name, jobs in {"o.jsonl": 1, "o.csv": 1, "o.parquet": 2, "o.sqlite": 1, "o/": 1}.items():
        assert score.here("a.jsonl", "b.csv", ROOT / "examples", "-o", name, "--jobs", str(jobs)).returncode == 0
    expected = [
        (r["source"], str(r["id"]), r["text"], r["label"], r["scores"]["leadership"], r["speaker"], r["columns"].get("site"))
        for r in rows_of(tmp_path / "o.jsonl")
    ]
    names = ("source", "id", "text", "label", "leadership", "speaker", "site")
    parquet, dataset = pq.read_table(tmp_path / "o.parquet"), pq.read_table(tmp_path / "o")
    for table in (parquet, dataset):
        assert [tuple(row[n] for n in names) for row in table.to_pylist()] == expected
        assert table.column("n").to_pylist()[:3] == ["1", "x", None] or table.column("n").to_pylist()[0] == "1"
        assert b"model" in table.schema.metadata
    with (tmp_path / "o.csv").open(newline="", encoding="utf-8") as stream:
        read = [tuple(row[n] or None for n in names) for row in csv.DictReader(stream)]
    assert [(*r[:4], float(r[4] or 0), *r[5:]) for r in read] == expected
    with sqlite3.connect(tmp_path / "o.sqlite") as database:
        found = database.execute(f"SELECT {', '.join(names)} FROM sentences").fetchall()  # noqa: S608
        assert [(s, str(i), *rest) for s, i, *rest in found] == expected
        assert dict(database.execute("SELECT * FROM about"))["model"]


def test_parquet_keeps_the_types_of_what_it_passes_on(score: Command, tagger: Tagger, tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["Prepare the annual budget.", "Build trust with the crews."] * 50,
            "key": list(range(100)),
            "day": pa.array([date(2024, 1, 31)] * 100),
            "tags": [["a", "b"], None] * 50,
        }
    )
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=30)
    assert score.here("in.parquet", "-o", "out.parquet", "--unit", "sentence", "--id-column", "key").returncode == 0
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column("id").to_pylist() == list(range(100))
    assert found.schema.field("day").type == pa.date32()
    assert found.column("tags").to_pylist() == table.column("tags").to_pylist()
    assert score.here("in.parquet", "-o", "docs.csv", "--rows", "documents").returncode == 0
    with (tmp_path / "docs.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["tags"] == '["a", "b"]'
    (tag,) = tagger.tag(table.column("text").to_pylist()[:1])
    assert tag.dimension is not None
    assert {name: rows[0][f"{tag.dimension}_{name}"] for name in Side} == {name: str(int(name in tag.label.tags)) for name in Side}
    assert [r["id"] for r in rows] == [str(n) for n in range(1, 101)]


def test_csv_in_other_encodings_and_over_several_lines(score: Command, tmp_path: Path) -> None:
    content = 'id;text\n1;"Plan the café rota.\nBuild trust — with them."\n'
    for encoding in ("cp1252", "utf-16", "utf-8-sig"):
        (tmp_path / "in.csv").write_bytes(content.encode(encoding))
        done = score.here("in.csv", "-o", "-")
        assert done.returncode == 0
        assert [json.loads(line)["text"] for line in done.stdout.splitlines()] == ["Plan the café rota.", "Build trust — with them."]
    assert score.here("-", "--stdin-name", "x.csv", "-o", "-", stdin=content.encode()).stdout.count(b"\n") == 2
    assert json.loads(score.here("-", "-o", "-", stdin=b"Plan the rota for June.").stdout)["source"] == "standard input"


def test_all_sheets_of_a_workbook(score: Command, tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for title in ("June", "July"):
        sheet = book.create_sheet(title)
        sheet.append(["text"])
        sheet.append([f"Plan the rota for {title}."])
    book.save(tmp_path / "in.xlsx")
    done = score.here("in.xlsx", "-o", "-")
    assert [json.loads(line)["source"] for line in done.stdout.splitlines()] == ["in.xlsx#June", "in.xlsx#July"]


def test_files_are_chosen_by_patterns(score: Command, tmp_path: Path) -> None:
    for name in ("a.txt", "b.md", "sub/c.txt", "sub/d.png", ".e.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("Plan the rota for next week.")

    def sources(*arguments: str) -> list[str]:
        return [json.loads(line)["source"] for line in score.here(*arguments, "-o", "-").stdout.splitlines()]

    assert sources("in") == ["in/a.txt", "in/b.md", "in/sub/c.txt", "in/sub/d.png"]
    assert sources("in", "--include", "*.txt") == ["in/a.txt", "in/sub/c.txt"]
    assert sources("in", "--exclude", "sub/*") == ["in/a.txt", "in/b.md"]
    assert sources("in/**/*.txt") == ["in/a.txt", "in/sub/c.txt"]
    assert sources("in/b.md", "in/a.txt") == ["in/b.md", "in/a.txt"]
    assert score.here("in", "-o", "in/out.jsonl").returncode == 0
    assert score.here("in", "-o", "in/out.jsonl", "--force").returncode == 0
    assert len(rows_of(tmp_path / "in" / "out.jsonl")) == 4  # the output is no input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.jsonl", "-o", "out.jsonl"), "cannot be read"),
        (("a.txt", "-o", "out.doc"), "unknown suffix"),
        (("a.txt", "-o", "there.jsonl"), "--force replaces it"),
        (("a.txt", "-o", "out.jsonl", "--unit", "sentence", "--rows", "documents"), "leave out --rows documents"),
        (("a.txt", "-o", "out.jsonl", "--resume", "--force"), "choose one"),
        (("-", "-o", "out.jsonl", "--resume"), "--resume needs files"),
        (("-", "-", "-o", "out.jsonl"), "read only once"),
        (("a.txt", "-o", "out.jsonl", "--via", "http://x", "--cluster", "y"), "choose one"),
        (("a.txt", "-o", "folder/"), "other things in it"),
    ],
)
def test_what_cannot_be_done_is_refused_and_nothing_touched(
    score: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "a.txt").write_text("Plan the rota for June.")
    (tmp_path / "there.jsonl").write_text("before")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("x")
    done = score.here(*arguments)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert (tmp_path / "there.jsonl").read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "folder", "there.jsonl"]


def test_an_output_that_cannot_be_written(score: Command, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(ROWS[0]))
    done = score.here("in.jsonl", "-o", "no/such/folder.jsonl")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr.decode()


def test_too_large_a_document_is_named(score: Command, tmp_path: Path) -> None:
    rows = [{"text": "x " * 600_000}, {"text": "Plan the rota. " * 10_001}, {"text": "Plan the rota for June."}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = score.here("in.jsonl", "-o", "out.jsonl")
    assert done.returncode == 1
    assert [f["code"] for f in rows_of(tmp_path / "out.jsonl.errors.jsonl")] == ["text_too_large", "too_many_sentences"]
    assert len(rows_of(tmp_path / "out.jsonl")) == 1


def make_many(path: Path, count: int) -> None:
    texts = [text for example in (ROOT / "examples").iterdir() for text in example.read_text(encoding="utf-8").splitlines() if text.strip()]
    with path.open("w", encoding="utf-8") as stream:
        for number in range(count):
            stream.write(json.dumps({"id": number, "text": texts[number % len(texts)], "n": number}) + "\n")
            if number % 5000 == 0:
                stream.write("{damaged\n")


@pytest.mark.parametrize("output", ["out.jsonl", "out.parquet"])
def test_runs_killed_at_random_points_lose_and_double_nothing(score: Command, tmp_path: Path, output: str) -> None:
    make_many(tmp_path / "in.jsonl", 30_000)
    arguments = ("in.jsonl", "--unit", "sentence", "-q")
    assert score.here(*arguments, "-o", f"whole-{output}").returncode == 1
    work = tmp_path / f"{output}.partial"
    chance = random.Random(output)  # noqa: S311
    killed, wanted, code = 0, 1, None
    while code is None:
        process = score.start(*arguments, "-o", output, "--jobs", "2", "--resume")
        while process.poll() is None and len(list(work.glob("part-*.json"))) < wanted:
            time.sleep(0.005)
        time.sleep(chance.random() * 0.05)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        code = None if process.returncode == -signal.SIGKILL else process.returncode
        killed += code is None
        wanted += chance.randint(1, 2)
    assert code == 1  # some rows are damaged
    assert killed >= 3
    assert (tmp_path / output).read_bytes() == (tmp_path / f"whole-{output}").read_bytes()
    assert (tmp_path / f"{output}.errors.jsonl").read_bytes() == (tmp_path / f"whole-{output}.errors.jsonl").read_bytes()
    assert not (tmp_path / f"{output}.partial").exists()


def test_ctrl_c_while_workers_start_is_left_to_the_command(score: Command, tmp_path: Path) -> None:
    make_many(tmp_path / "in.jsonl", 1000)
    process = score.start("in.jsonl", "-o", "out.jsonl", "--jobs", "2")
    workers: list[int] = []
    deadline = time.monotonic() + PATIENCE
    while not workers:
        assert process.poll() is None
        assert time.monotonic() < deadline
        with suppress(FileNotFoundError):  # a child that has gone
            workers = [child for child in children(process.pid) if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes()]
    status = dict(line.split(":", 1) for line in Path(f"/proc/{workers[0]}/status").read_text().splitlines())
    assert (int(status["SigBlk"], 16) | int(status["SigIgn"], 16)) & 1 << (signal.SIGINT - 1)  # from its first moment
    os.killpg(process.pid, signal.SIGINT)
    out, message = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert (out, message.decode()) == (b"", "helmkeel: interrupted; what is done is kept, --resume goes on with it\n")
    assert score.here("in.jsonl", "-o", "out.jsonl", "--resume").returncode == 1  # a row is damaged
    assert len(rows_of(tmp_path / "out.jsonl")) >= 1000


def test_ctrl_c_keeps_what_is_done_and_another_run_is_not_mixed_in(score: Command, tmp_path: Path) -> None:
    make_many(tmp_path / "in.jsonl", 150_000)
    process = score.start("in.jsonl", "-o", "out.jsonl", "--jobs", "2")
    while not list(tmp_path.glob("out.jsonl.partial/part-*.json")):
        assert process.poll() is None
        time.sleep(0.01)
    second = score.here("in.jsonl", "-o", "out.jsonl", "--resume")
    assert "another run is at work there" in second.stderr.decode()
    os.killpg(process.pid, signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message.decode().strip().endswith("helmkeel: interrupted; what is done is kept, --resume goes on with it")
    assert "Traceback" not in message.decode()
    assert not (tmp_path / "out.jsonl").exists()
    assert "--resume goes on with it" in score.here("in.jsonl", "-o", "out.jsonl").stderr.decode()
    other = score.here("in.jsonl", "-o", "out.jsonl", "--resume", "--unit", "sentence")
    assert other.returncode == 2
    assert "differs in unit" in other.stderr.decode()
    assert score.here("in.jsonl", "-o", "out.jsonl", "--resume").returncode == 1
    assert score.here("in.jsonl", "-o", "again.jsonl").returncode == 1
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    complete = score.here("in.jsonl", "-o", "out.jsonl", "--resume")
    assert complete.returncode == 1
    assert "is complete" in complete.stderr.decode()
