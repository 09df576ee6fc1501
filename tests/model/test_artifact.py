import json
import shutil
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest

from model.artifact import FILES, MANIFEST, TABLES, Artifact, ArtifactError, ArtifactMissingError, load, save
from model.tagger import Tagger

SENTENCE = ["Prepare the annual budget and win people over to the new direction."]


@pytest.fixture
def copy(artifact_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(artifact_folder, tmp_path / "artifact"))


def resave(artifact: Artifact, folder: Path) -> None:
    save(
        folder,
        model=artifact.model,
        contrasts=artifact.contrasts,
        metrics=artifact.metrics,
        card=artifact.card,
        version="0",
        data_sha256="0",
        seed=0,
        libraries={},
    )


def test_a_saved_model_answers_as_before(artifact: Artifact, tmp_path: Path) -> None:
    resave(artifact, tmp_path / "copy")
    again = load(tmp_path / "copy")
    assert again.sha256 == artifact.sha256
    assert (Tagger(again.model).score(SENTENCE).decision == Tagger(artifact.model).score(SENTENCE).decision).all()


def test_memory_mapped_tables_answer_alike(artifact: Artifact, artifact_folder: Path) -> None:
    mapped = load(artifact_folder, memory_map=True)
    assert (Tagger(mapped.model).score(SENTENCE).decision == Tagger(artifact.model).score(SENTENCE).decision).all()


def test_saving_replaces_the_old_artifact_and_leaves_nothing_beside_it(artifact: Artifact, copy: Path) -> None:
    (copy / "stray").write_text("old")
    resave(artifact, copy)
    assert {p.name for p in copy.iterdir()} == {MANIFEST, *FILES}
    assert [p.name for p in copy.parent.iterdir()] == [copy.name]


def test_a_failed_save_keeps_the_old_artifact(artifact: Artifact, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(joblib, "dump", full)
    with pytest.raises(OSError, match="No space left"):
        resave(artifact, copy)
    assert load(copy).sha256 == artifact.sha256
    assert [p.name for p in copy.parent.iterdir()] == [copy.name]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{name}: does not match its hash"):
        load(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name}: cannot be read"):
        load(copy)


def edit(copy: Path, change: Callable[[dict[str, object]], object]) -> None:
    content = json.loads((copy / MANIFEST).read_text())
    change(content)
    (copy / MANIFEST).write_text(json.dumps(content))


def test_another_format_version_is_refused(copy: Path) -> None:
    edit(copy, lambda m: m.update(format_version=99))
    with pytest.raises(ArtifactError, match="has format version 99, this Helmkeel reads 2"):
        load(copy)


def test_a_manifest_without_a_field_is_refused(copy: Path) -> None:
    edit(copy, lambda m: m.pop("seed"))
    with pytest.raises(ArtifactError, match="is damaged"):
        load(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"3"])
def test_a_damaged_manifest_is_refused(copy: Path, content: bytes) -> None:
    (copy / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError):
        load(copy)


def test_tables_of_another_version_are_refused_even_with_a_matching_hash(copy: Path) -> None:
    import hashlib

    tables = joblib.load(copy / TABLES)
    tables.pop("gram_tags")
    joblib.dump(tables, copy / TABLES)
    digest = hashlib.sha256((copy / TABLES).read_bytes()).hexdigest()
    edit(copy, lambda m: m["sha256"].update({TABLES: digest}))  # type: ignore[attr-defined]
    with pytest.raises(ArtifactError, match="another version"):
        load(copy)


def test_no_artifact_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ArtifactMissingError, match="helmkeel train"):
        load(tmp_path / "none")


def test_the_tables_hold_nothing_but_numpy_and_plain_values(artifact: Artifact) -> None:
    assert {type(value).__module__.split(".")[0] for value in artifact.model.arrays().values()} <= {"numpy", "builtins"}
