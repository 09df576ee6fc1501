"""What the command says and with which code it ends; `tests/service/command.py` has the two ways to run it."""

import json
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from service.settings import ROOT
from tests.service.command import Command
from tests.service.running import PATIENCE


def test_tag_gives_the_answer_of_the_api(helmkeel: Command, client: httpx.Client, examples: dict[str, str]) -> None:
    for name, text in examples.items():
        path = ROOT / "examples" / name
        done = helmkeel.here("tag", path, "--json")
        assert done.returncode == 0
        answer = json.loads(done.stdout)
        assert answer.pop("source") == {"name": str(path), "kind": path.suffix[1:], "encoding": "utf-8", "extracted": False}
        expected = client.post("/v1/tag", json={"id": str(path), "text": text, "include": ["evidence"]}).json()
        assert expected.pop("source") is None
        assert answer == expected


def test_tag_shows_a_document_to_a_person(helmkeel: Command) -> None:
    path = ROOT / "examples" / "job-description.txt"
    answer = json.loads(helmkeel.here("tag", path, "--json").stdout)
    shown, everything = (" ".join(helmkeel.here("tag", path, *option).stdout.decode().split()) for option in ((), ("--all",)))
    assert shown.startswith(answer["label"])
    labels = {" ".join(sentence["text"].split()): sentence["label"] for sentence in answer["sentences"]}
    assert {"neither", "management"} <= set(labels.values())
    assert all((text in shown) is (label != "neither") for text, label in labels.items())
    assert all(text in everything for text in labels)


@pytest.mark.parametrize("arguments", [("tag", "-"), ("tag",)])
def test_tag_reads_standard_input(helmkeel: Command, arguments: tuple[str, ...]) -> None:
    done = helmkeel.here(*arguments, "--json", stdin=b"\xef\xbb\xbfPrepare the annual budget.")
    (sentence,) = json.loads(done.stdout)["sentences"]
    assert sentence["text"] == "Prepare the annual budget."
    assert sentence["label"] == "management"


def test_tag_takes_a_text(helmkeel: Command) -> None:
    text = "Build trust across departments that nobody reports to."
    assert [s["text"] for s in json.loads(helmkeel.here("tag", text, "--json").stdout)["sentences"]] == [text]
    assert json.loads(helmkeel.here("tag", "", "--json").stdout)["label"] == "insufficient"


@pytest.mark.parametrize(
    ("argument", "message"),
    [("missing.txt", "no such file"), ("no/such/file", "no such file"), (".", "is a folder"), ("picture.png", "none of the kinds")],
)
def test_tag_names_what_it_cannot_read(helmkeel: Command, tmp_path: Path, argument: str, message: str) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
    done = helmkeel.here("tag", argument)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert done.stdout == b""


def test_tag_refuses_text_over_the_limit(helmkeel: Command) -> None:
    done = helmkeel.here("tag", "-", stdin=b"x " * 500_001)
    assert done.returncode == 1
    assert b"the limit is 1000000" in done.stderr


def test_what_is_no_unicode_is_refused(helmkeel: Command, tmp_path: Path) -> None:
    done = helmkeel.apart(b"tag", b"caf\xe9 and plan")
    assert done.returncode == 2
    assert b"the text is not UTF-8" in done.stderr
    (tmp_path / "in.jsonl").write_text('{"text": "a \\ud800"}\n{"text": "a", "more": "\\ud800"}\n{"text": "a"}\n')
    done = helmkeel.here("score", "in.jsonl", "-o", "-", "--unit", "sentence")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.count(b"surrogate") == 2
    answer = json.loads(helmkeel.here("tag", "in.jsonl", "--json").stdout)
    assert answer["text"] == "a ?\n\na\n\na"


def test_evaluate_measures_a_labelled_file(helmkeel: Command, tmp_path: Path) -> None:
    rows = [
        {"text": "Prepare the annual budget.", "label": "management", "dimension": "work", "group": "x"},
        {"text": "The canteen is on the second floor.", "label": "neither"},
    ]
    (tmp_path / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)))
    figures = json.loads(helmkeel.here("evaluate", "gold.jsonl", "--json").stdout)
    assert figures["macro_f1"]["value"] == 1
    assert set(figures["groups"]) == {"x", "all"}
    assert "macro-F1: 1.000" in helmkeel.here("evaluate", "gold.jsonl").stdout.decode()


def test_evaluate_on_the_hold_out_prints_the_figures_of_the_card(helmkeel: Command, artifact_folder: Path) -> None:
    metrics = json.loads((artifact_folder / "metrics.json").read_text())
    assert json.loads(helmkeel.here("evaluate", "--json").stdout) == metrics["holdout"]


def test_evaluate_names_a_bad_line(helmkeel: Command, tmp_path: Path) -> None:
    (tmp_path / "gold.jsonl").write_text('{"text": "secretword", "label": "boss"}')
    done = helmkeel.here("evaluate", "gold.jsonl")
    assert done.returncode == 2
    assert "line 1: label" in done.stderr.decode()
    assert "secretword" not in done.stderr.decode()


def test_info(helmkeel: Command, artifact_folder: Path) -> None:
    shown = helmkeel.here("info").stdout.decode()
    assert json.loads((artifact_folder / "manifest.json").read_text())["sha256"]["model.joblib"] in shown
    assert "macro-F1" in shown


def test_info_without_a_model_says_what_to_do(helmkeel: Command, tmp_path: Path) -> None:
    done = helmkeel.given(artifact=str(tmp_path / "none")).here("info")
    assert done.returncode == 0
    assert b"helmkeel train" in done.stdout


@pytest.mark.parametrize("command", [("tag", "Plan the work."), ("info",), ("score", "x", "-o", "y.csv"), ("evaluate",)])
def test_a_damaged_artifact_stops_every_command(helmkeel: Command, tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = tmp_path / "artifact"
    folder.mkdir()
    (folder / "manifest.json").write_text("{")
    done = helmkeel.given(artifact=str(folder)).here(*command)
    assert done.returncode == 1
    assert "is damaged; train again" in done.stderr.decode()


def test_a_damaged_artifact_stops_the_service(helmkeel: Command, tmp_path: Path) -> None:
    """In a process of its own, for it is the start of the service that fails: with its log and its handlers of signals in place."""
    (tmp_path / "manifest.json").write_text("{")
    done = helmkeel.given(artifact=str(tmp_path)).apart("serve", "--port", "0")
    assert done.returncode == 1
    assert "is damaged; train again" in done.stderr.decode()


def test_usage_errors(helmkeel: Command) -> None:
    assert helmkeel.here("nonsense").returncode == 2
    assert helmkeel.here("serve", "--port", "99999").returncode == 2
    assert helmkeel.here("score", "x.jsonl", "--unit", "page", "-o", "y").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (("tag", "-", "--json"), "Plan the café’s rota for June.\r\nThen we meet.".encode("utf-16"), 0),
        (("score", "in.csv", "-", "-o", "-"), b'{"text": "Plan the rota."}\n{', 1),
        (("score", "missing.csv", "-o", "-"), b"", 2),
        (("nonsense",), b"", 2),
    ],
    ids=["tag", "score", "a missing file", "a missing command"],
)
def test_the_installed_command_does_what_it_does_in_this_process(
    helmkeel: Command, tmp_path: Path, arguments: tuple[str, ...], stdin: bytes, code: int
) -> None:
    (tmp_path / "in.csv").write_bytes("id;text\n1;Plan the café rota.\n2;\n3\n".encode("cp1252"))
    apart, here = helmkeel.apart(*arguments, stdin=stdin), helmkeel.here(*arguments, stdin=stdin)
    assert apart.returncode == here.returncode == code
    assert apart.stdout == here.stdout
    assert re.sub(rb"[\d,]+/s", b"", apart.stderr).split() == re.sub(rb"[\d,]+/s", b"", here.stderr).split()  # but for the speed


def test_help_is_there_before_anything_heavy_is_imported() -> None:
    heavy = {"spacy", "sklearn", "scipy", "joblib", "numpy", "pyarrow", "fastapi", "slack_bolt", "matplotlib", "training"}
    code = f"import sys, service.cli; sys.stdout.write(' '.join(sorted({heavy} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == ""


def test_the_version(helmkeel: Command) -> None:
    assert helmkeel.here("--version").stdout.decode() == f"helmkeel {version('helmkeel')}\n"


@pytest.mark.parametrize("ignored", [False, True])
def test_ctrl_c_while_the_command_is_imported_just_ends_it(ignored: bool) -> None:
    code = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.{"SIG_IGN" if ignored else "default_int_handler"})

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "service.cli":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["helmkeel", "--version"]
from service.entry import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=PATIENCE)
    assert done.stderr == b""
    assert (done.returncode, done.stdout) == ((0, f"helmkeel {version('helmkeel')}\n".encode()) if ignored else (-signal.SIGINT, b""))
