import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.artifact import Artifact, load
from model.labels import Label
from model.tagger import Tagger
from model.tokens import vocabulary_forms
from service.settings import ROOT
from training.build import DataSet, Row, build
from training.config import ConfigError, load_config
from training.corpus import Example, Manner
from training.embedding import EmbeddingError, load_embedding
from training.evaluate import expected_calibration_error, macro_f1, tag_matrix
from training.fit import Fitted, fit
from training.fold import fold
from training.probes import ProbesError, pass_rates, read_probes
from training.student import load_student


@pytest.fixture(scope="module")
def rows(small_data: Path) -> tuple[Row, ...]:
    return build(small_data, 0.7).rows


@pytest.fixture(scope="module")
def fitted(small_data: Path, rows: tuple[Row, ...]) -> Fitted:
    return fit_rows(small_data, rows)


def fit_rows(data: Path, rows: Sequence[Row]) -> Fitted:
    embedding = load_embedding(data / "embedding")
    return fit(rows, load_config(), embedding, load_student(data / "student", embedding.words))


def test_the_folded_model_agrees_with_what_was_fitted(fitted: Fitted, holdout: list[Example]) -> None:
    student = fitted.student
    tagger = Tagger(fold(fitted, threshold=0.5, minimum_known=load_config().abstain.minimum_known))
    texts = [e.text for e in holdout] + ["Zyxgrop blenders qworm!", "", "ANA said 3 things"]
    scores = tagger.score(texts)
    assert np.abs(fitted.decide(texts) - scores.decision).max() < 1e-6
    led = np.flatnonzero(scores.concept >= 0)
    assert len(led) > 20
    assert (fitted.concepts.predict([texts[i] for i in led]) == scores.concept[led]).mean() == 1
    for side, pipeline in enumerate(fitted.dimensions):
        own = [i for i in np.flatnonzero(scores.dimension >= 0) if scores.tagged[i].sum() == 1 and scores.tagged[i][side]]
        assert len(own) > 20
        taught = student.decision_function([vocabulary_forms(texts[i], fitted.tags["features"].known) for i in own])[:, 2:]
        heads = pipeline.decision_function([texts[i] for i in own])
        decisions = (1 - fitted.share) * heads + fitted.share * taught[:, pipeline.classes_]
        assert (pipeline.classes_[decisions.argmax(axis=1)] == scores.dimension[own]).all()


def test_statements_of_duty_teach_dimensions_and_no_tags(fitted: Fitted, small_data: Path, rows: tuple[Row, ...]) -> None:
    def silenced(row: Row) -> Row:
        return replace(row, label=Label.NEITHER, dimension=None, dimensions=(), concept=None) if row.manner is Manner.DUTIES else row

    without = fit_rows(small_data, [silenced(row) for row in rows])
    assert (without.tags["head"].coef_ == fitted.tags["head"].coef_).all()
    assert (without.slope == fitted.slope).all()
    some = [row.text for row in rows if row.manner is Manner.DUTIES][:100]
    assert len(some) == 100
    before, after = (one.dimensions[1].decision_function(some) for one in (without, fitted))
    assert before.shape != after.shape or np.abs(before - after).max() > 0.1


def test_the_same_data_and_seed_give_the_same_hash(small_data: Path, tmp_path: Path) -> None:
    """On a fifteenth of the corpus, in two processes whose hashes of strings differ: every step of a training, on fewer rows."""
    code = (
        "import sys; from pathlib import Path; from training.train import train; from training.config import load_config;"
        "print(train(Path(sys.argv[1]), Path(sys.argv[2]), load_config(), lambda line: None).manifest.sha256)"
    )
    trainings = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(small_data), str(tmp_path / seed)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed},
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    hashes = [training.communicate()[0] for training in trainings]
    assert [training.returncode for training in trainings] == [0, 0]
    assert hashes[0] == hashes[1]


def test_the_card_shows_the_figures_of_the_metrics(artifact: Artifact) -> None:
    holdout = artifact.metrics["holdout"]
    for figure in (holdout["macro_f1"], holdout["tags"]["leadership"]["precision"], holdout["dimension_accuracy"]):
        assert f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})" in artifact.card
    for section in ("Intended use", "Uses to avoid", "Training data", "hold-out", "outside the project", "listens to", "Between versions"):
        assert section in artifact.card
    assert artifact.manifest.data_sha256 in artifact.card


def test_the_words_the_model_listens_to_are_words_of_the_trade(artifact: Artifact) -> None:
    lines = {line.split("**")[1]: line for line in artifact.card.splitlines() if line.startswith("- **") and line.count(",") > 40}
    assert len(lines["leadership"].split(", ")) == len(lines["management"].split(", ")) == 50
    speaks_for = dict(zip(artifact.model.vocabulary, artifact.model.word_tags, strict=True))
    for word in ("vision", "inspire", "coaching", "trust"):
        assert speaks_for[word][0] > max(0.5, speaks_for[word][1])
    for word in ("budget", "approve", "supervise", "deadline"):
        assert speaks_for[word][1] > max(0.5, speaks_for[word][0])


def test_the_hold_out_figures_are_those_of_the_model(artifact_folder: Path, holdout: list[Example]) -> None:
    artifact = load(artifact_folder)
    given = tag_matrix([t.label for t in Tagger(artifact.model).tag([e.text for e in holdout])])
    assert artifact.metrics["holdout"]["macro_f1"]["value"] == pytest.approx(macro_f1(tag_matrix([e.label for e in holdout]), given))


def test_macro_f1_by_hand() -> None:
    gold = tag_matrix([Label.LEADERSHIP, Label.MANAGEMENT, Label.MIXED, Label.NEITHER])
    given = tag_matrix([Label.LEADERSHIP, Label.LEADERSHIP, Label.MANAGEMENT, Label.NEITHER])
    assert macro_f1(gold, given) == pytest.approx((0.5 + 2 / 3 + 1) / 3)


def test_calibration_error_by_hand() -> None:
    scores, truth = np.array([0.05, 0.05, 0.95, 0.95]), np.array([False, True, True, True])
    assert expected_calibration_error(scores, truth) == pytest.approx((0.45 + 0.05) / 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [("seed = 'x'", "seed"), ("seed = [", "Invalid"), ("[nonsense]\na = 1", "nonsense")],
)
def test_a_bad_configuration_names_the_field(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_missing_word_vectors_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="word vectors cannot be read"):
        load_embedding(tmp_path)


def test_metrics_are_within_their_intervals(artifact: Artifact) -> None:
    def figures(node: object) -> list[dict[str, float]]:
        if isinstance(node, dict):
            return ([node] if "low" in node else []) + [f for value in node.values() for f in figures(value)]
        return []

    found = figures(artifact.metrics["holdout"])
    assert len(found) >= 12
    assert all(f["low"] <= f["value"] <= f["high"] for f in found)


def test_probes_of_the_hard_cases_are_measured(artifact: Artifact, dataset: DataSet) -> None:
    probes = read_probes(ROOT / "data" / "probes.yaml")
    sentences = [sentence for family in probes.values() for labelled in family.values() for sentence in labelled]
    assert len(sentences) == len(set(sentences)) >= 150
    trained = {row.text for row in dataset.rows}
    assert not trained & set(sentences)
    rates = pass_rates(Tagger(artifact.model), probes)
    assert rates == artifact.metrics["probes"]
    passed = sum(rate["passed"] for rate in rates.values())
    assert passed / len(sentences) >= 0.7
    assert f"| all | {len(sentences)} | {passed} |" in artifact.card


def test_bad_probes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "probes.yaml"
    path.write_text("family:\n  boss:\n    - a sentence\n")
    with pytest.raises(ProbesError, match="boss"):
        read_probes(path)
