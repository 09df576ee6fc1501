import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.settings import ROOT

HELMKEEL = Path(sys.executable).with_name("helmkeel")
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def run(artifact_folder: Path, tmp_path: Path) -> Run:
    def run(*arguments: str | Path, stdin: bytes = b"", artifact: Path = artifact_folder) -> subprocess.CompletedProcess[bytes]:
        environment = os.environ | {"HELMKEEL_ARTIFACT": str(artifact), "COLUMNS": "200"}
        return subprocess.run([HELMKEEL, *arguments], input=stdin, capture_output=True, env=environment, cwd=tmp_path, check=False)

    return run


def test_tag_gives_the_answer_of_the_api(run: Run, client: httpx.Client, examples: dict[str, str]) -> None:
    for name, text in examples.items():
        path = ROOT / "examples" / name
        done = run("tag", path, "--json")
        assert done.returncode == 0
        answer = json.loads(done.stdout)
        assert answer.pop("source") == {"name": str(path), "kind": path.suffix[1:], "encoding": "utf-8", "extracted": False}
        expected = client.post("/v1/tag", json={"id": str(path), "text": text, "include": ["evidence"]}).json()
        assert expected.pop("source") is None
        assert answer == expected


def test_tag_shows_a_document_to_a_person(run: Run) -> None:
    shown = run("tag", ROOT / "examples" / "job-description.txt").stdout.decode()
    assert shown.startswith("management-oriented")
    assert "Manage a budget of £2.4m" in shown
    assert "We are based in Halifax" not in shown
    assert "We are based in Halifax" in run("tag", ROOT / "examples" / "job-description.txt", "--all").stdout.decode()


@pytest.mark.parametrize("arguments", [("tag", "-"), ("tag",)])
def test_tag_reads_standard_input(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--json", stdin=b"\xef\xbb\xbfPrepare the annual budget.")
    (sentence,) = json.loads(done.stdout)["sentences"]
    assert sentence["text"] == "Prepare the annual budget."
    assert sentence["label"] == "management"


def test_tag_takes_a_text(run: Run) -> None:
    assert json.loads(run("tag", "Build trust across departments that nobody reports to.", "--json").stdout)["counts"]["leadership"] == 1
    assert json.loads(run("tag", "", "--json").stdout)["label"] == "insufficient"


@pytest.mark.parametrize(
    ("argument", "message"),
    [("missing.txt", "no such file"), ("no/such/file", "no such file"), (".", "is a folder"), ("picture.png", "none of the kinds")],
)
def test_tag_names_what_it_cannot_read(run: Run, tmp_path: Path, argument: str, message: str) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    done = run("tag", argument)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert done.stdout == b""


def test_tag_refuses_text_over_the_limit(run: Run) -> None:
    done = run("tag", "-", stdin=b"x " * 500_001)
    assert done.returncode == 1
    assert b"the limit is 1000000" in done.stderr


def test_what_is_no_unicode_is_refused(run: Run, tmp_path: Path) -> None:
    done = subprocess.run([os.fsencode(HELMKEEL), b"tag", b"caf\xe9 and plan"], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"the text is not UTF-8" in done.stderr
    (tmp_path / "in.jsonl").write_text('{"text": "a \\ud800"}\n{"text": "a", "more": "\\ud800"}\n{"text": "a"}\n')
    done = run("score", "in.jsonl", "-o", "-", "--unit", "sentence")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.count(b"surrogate") == 2
    answer = json.loads(run("tag", "in.jsonl", "--json").stdout)
    assert answer["text"] == "a ?\n\na\n\na"


def test_evaluate_measures_a_labelled_file(run: Run, tmp_path: Path) -> None:
    rows = [
        {"text": "Prepare the annual budget.", "label": "management", "dimension": "work", "group": "x"},
        {"text": "The canteen is on the second floor.", "label": "neither"},
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    figures = json.loads(run("evaluate", "gold.jsonl", "--json").stdout)
    assert figures["macro_f1"]["value"] == 1
    assert set(figures["groups"]) == {"x", "all"}
    assert "macro-F1: 1.000" in run("evaluate", "gold.jsonl").stdout.decode()


def test_evaluate_on_the_hold_out_prints_the_figures_of_the_card(run: Run, artifact_folder: Path) -> None:
    metrics = json.loads((artifact_folder / "metrics.json").read_text())
    assert json.loads(run("evaluate", "--json").stdout) == metrics["holdout"]


def test_evaluate_names_a_bad_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text('{"text": "secretword", "label": "boss"}')
    done = run("evaluate", "gold.jsonl")
    assert done.returncode == 2
    assert "line 1: label" in done.stderr.decode()
    assert "secretword" not in done.stderr.decode()


def test_info(run: Run, artifact_folder: Path) -> None:
    shown = run("info").stdout.decode()
    assert json.loads((artifact_folder / "manifest.json").read_text())["sha256"]["model.joblib"] in shown
    assert "macro-F1" in shown


def test_info_without_a_model_says_what_to_do(run: Run, tmp_path: Path) -> None:
    done = run("info", artifact=tmp_path / "none")
    assert done.returncode == 0
    assert b"helmkeel train" in done.stdout


@pytest.mark.parametrize("command", [("tag", "Plan the work."), ("info",), ("serve", "--port", "0"), ("evaluate",)])
def test_a_damaged_artifact_stops_every_command(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = tmp_path / "artifact"
    folder.mkdir()
    (folder / "manifest.json").write_text("{")
    done = run(*command, artifact=folder)
    assert done.returncode == 1
    assert "is damaged; train again" in done.stderr.decode()


def test_usage_errors(run: Run) -> None:
    assert run("nonsense").returncode == 2
    assert run("serve", "--port", "99999").returncode == 2
    assert run("score", "x.jsonl", "--unit", "page", "-o", "y").returncode == 2
