"""The comparison with other ways to tag: real peers in real processes, on few rows, as far as the checks' own libraries go."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.compare import BenchmarkError, Options, check_encoder, compare, figures_of, holdout, outside, run, spread
from benchmarks.peers.protocol import size_bytes
from benchmarks.peers.registry import HELMKEEL, PEERS, Entry
from benchmarks.peers.report import interval, section
from model.artifact import Artifact
from model.tagger import Tagger
from service.settings import ROOT, Settings
from training.build import DataSet
from training.config import load_config
from training.corpus import read_corpus
from training.fit import tag_targets
from training.train import measure_examples

NEEDS_NO_EXTRA = [peer for peer in PEERS if peer.factory in {"linear:tfidf", "spacy_models:bag_of_words"}]
BESIDE: dict[str, Any] = {"encoder": None, "statements": {}}


def test_helmkeel_is_measured_as_training_measures_it(artifact_folder: Path, artifact: Artifact) -> None:
    judged = holdout(ROOT / "data")
    result = run(HELMKEEL, "predict", BESIDE | {"texts": judged.texts, "timed": judged.texts[:50]}, artifact_folder, Options())
    figures = figures_of(HELMKEEL, 1, result, [judged], size_bytes(artifact_folder))
    usual = measure_examples(Tagger(artifact.model), read_corpus(ROOT / "data" / "holdout"), load_config())
    assert figures.macro_f1 == {"hold-out": usual["macro_f1"]}
    assert figures.precision == {"hold-out": usual["tags"]["leadership"]["precision"]}
    assert figures.sentences_a_second > 0
    assert figures.peak_bytes > figures.size_bytes == sum(path.stat().st_size for path in artifact_folder.iterdir())


@pytest.mark.parametrize("entry", NEEDS_NO_EXTRA, ids=lambda entry: entry.name)
def test_a_peer_learns_in_one_process_and_tags_in_another(entry: Entry, tmp_path: Path) -> None:
    judged = holdout(ROOT / "data")
    targets = tag_targets([truth.label for truth in judged.truth])
    job = BESIDE | {"texts": judged.texts, "targets": targets.tolist(), "timed": judged.texts[:50]}
    run(entry, "fit", job, tmp_path, Options())
    result = run(entry, "predict", job, tmp_path, Options())
    figures = figures_of(entry, len(judged.texts), result, [judged], size_bytes(tmp_path))
    never = figures_of(entry, 0, result | {"flags": np.zeros_like(targets).tolist()}, [judged], 0)
    assert figures.macro_f1["hold-out"]["value"] > never.macro_f1["hold-out"]["value"] + 0.2  # on the sentences it has seen
    assert figures.size_bytes > 0
    text = section([figures, figures], Options(rows=10), "plot.svg")
    assert interval(figures.macro_f1["hold-out"]) in text and "ENCODER=folder" in text and "GOLD=file.jsonl" in text


def test_a_peer_that_fails_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BenchmarkError, match=f"{HELMKEEL.name}: could not predict"):
        run(HELMKEEL, "predict", BESIDE | {"texts": [], "timed": []}, tmp_path, Options())
    assert "ArtifactMissingError" in capfd.readouterr().err


def test_a_model_of_other_data_is_not_compared(artifact: Artifact) -> None:
    other = replace(artifact, manifest=artifact.manifest.model_copy(update={"data_sha256": "0" * 64}))
    with pytest.raises(BenchmarkError, match="make train"):
        compare(other, Settings(data=ROOT / "data"), Options())


def test_an_encoder_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"config\.json"):
        check_encoder(Options(encoder=tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BenchmarkError, match="cannot be run"):
        check_encoder(Options(encoder=tmp_path, encoder_python=tmp_path / "python"))
    with pytest.raises(BenchmarkError, match="needs scikit-learn"):
        check_encoder(Options(encoder=tmp_path, encoder_python=Path("/bin/false")))


def test_rows_are_spread_over_the_corpus(dataset: DataSet) -> None:
    rows = dataset.rows
    some = spread(rows, 100)
    assert 50 < len(some) <= 100
    assert len({row.register for row in some}) > 5
    assert spread(rows, None) is rows


def test_sentences_from_outside_keep_their_documents(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text('{"text": "Set the vision.", "label": "leadership", "path": "a"}\n{"text": "Lunch.", "label": "neither"}\n')
    judged = outside(path)
    assert judged.texts == ("Set the vision.", "Lunch.")
    assert [truth.doc for truth in judged.truth] == ["a", "1"]
