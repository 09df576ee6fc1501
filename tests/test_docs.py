"""Documents show what the commands print, and name nothing that does not exist."""

import re
import subprocess
from pathlib import Path

import httpx
import pytest

from model.artifact import Artifact
from service.cli import app
from service.problems import Code
from service.settings import ROOT, Settings
from training.docs import calibration_picture, render
from training.tables import read_data


@pytest.mark.parametrize("name", ["README.md", "data/README.md"])
def test_outputs_and_tables_are_those_of_today(name: str, artifact_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELMKEEL_ARTIFACT", str(artifact_folder))
    document = (ROOT / name).read_text(encoding="utf-8")
    assert render(document, read_data(ROOT / "data")) == document


def test_the_model_card_is_that_of_the_data(artifact: Artifact) -> None:
    assert (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8") == artifact.card
    assert (ROOT / "docs" / "calibration.svg").read_text(encoding="utf-8") == calibration_picture(artifact)


def test_every_command_and_setting_is_described() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"helmkeel {command.callback.__name__}" in readme
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for setting in Settings.model_fields:
        assert f"`HELMKEEL_{setting.upper()}`" in operations


def test_every_error_is_in_the_documents() -> None:
    documented = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [code for code in Code if f"`{code}`" not in documented] == []
    readers = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "service" / "readers").glob("*.py"))
    raised = set(re.findall(r'ReaderError\(\s*"(\w+)"', readers))
    assert raised
    assert raised <= set(Code)


def test_python_snippets_run(client: httpx.Client, capsys: pytest.CaptureFixture[str]) -> None:
    document = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    exec(snippet.replace("http://127.0.0.1:8000", str(client.base_url)), {})  # noqa: S102
    shown = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[a-z]+ [01]\.\d+", shown[0])
    assert shown[-1] == "text_too_large 1000000"


def test_links_between_documents_lead_somewhere() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "README.md" in tracked
    for name in tracked:
        path = ROOT / name
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{name}: {target}"


def test_lock_files_hold_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "requirements-benchmark.lock", "requirements-serving.lock"):
        content = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in content
        assert content.count("==") <= content.count("--hash=sha256:")
