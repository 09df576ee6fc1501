"""One training run: data -> examples -> fit -> fold -> evaluate -> card -> artifact."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from model.artifact import Manifest, save
from model.contrasts import load_contrasts
from model.tagger import Tagger
from training.build import DataSet, build
from training.card import render_card
from training.config import TrainingConfig
from training.corpus import Example, read_corpus
from training.embedding import load_embedding
from training.evaluate import Truth, measure
from training.fit import fit
from training.fold import fold
from training.outside import read_outside
from training.probes import pass_rates, read_probes
from training.student import load_student

LIBRARIES: Final = ("scikit-learn", "numpy", "scipy", "joblib", "spacy")
Progress = Callable[[str], None]


@dataclass(frozen=True)
class TrainingResult:
    """What a run leaves behind."""

    manifest: Manifest
    metrics: dict[str, Any]


def train(data: Path, artifact: Path, config: TrainingConfig, progress: Progress) -> TrainingResult:
    """Train a model on a data folder and save it as an artifact.

    The same data, configuration and library versions give the same hash.

    Args:
        data: the folder with `contrasts.yaml`, `corpus/`, `embedding/`, `student/`, `holdout/` and `probes.yaml`.
        artifact: where the model goes; what stands there is replaced once the new model is complete.
        config: all knobs.
        progress: told each step in a line.

    Raises:
        CorpusError, ContrastsError, EmbeddingError, StudentError, ProbesError: the data is missing or breaks its schema.
        OSError: the artifact cannot be written.
    """
    progress("reading the contrasts and the corpus")
    contrasts = load_contrasts(data / "contrasts.yaml")
    embedding = load_embedding(data / "embedding")
    student = load_student(data / "student", embedding.words)
    holdout = read_corpus(data / "holdout")
    probes = read_probes(data / "probes.yaml")
    dataset = build(data, config.data.near_duplicate)
    progress(f"fitting on {len(dataset.rows):,} sentences of {len({row.doc for row in dataset.rows}):,} documents (about a minute)")
    fitted = fit(dataset.rows, config, embedding, student)
    model = fold(fitted, threshold=config.decision.threshold, minimum_known=config.abstain.minimum_known)
    progress(f"measuring on {len(holdout):,} sentences kept apart")
    tagger = Tagger(model)
    metrics = {
        "data": describe(dataset),
        "holdout": measure_examples(tagger, holdout, config),
        "probes": pass_rates(tagger, probes),
        "config": config.model_dump(),
    }
    progress("writing the artifact")
    outside = read_outside(data / "outside.json", dataset.sha256)
    manifest = save(
        artifact,
        model=model,
        contrasts=contrasts,
        metrics=metrics,
        card=render_card(metrics, model, outside),
        version=version("helmkeel"),
        data_sha256=dataset.sha256,
        seed=config.seed,
        libraries={name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
    )
    return TrainingResult(manifest, metrics)


def describe(dataset: DataSet) -> dict[str, Any]:
    """Return the make-up of a data set."""
    registers, labels = ([str(value) for value in values] for values in zip(*((r.register, r.label) for r in dataset.rows), strict=True))
    return {
        "sentences": len(dataset.rows),
        "documents": len({row.doc for row in dataset.rows}),
        "duplicates_removed": dataset.duplicates,
        "sha256": dataset.sha256,
        "registers": _count(registers),
        "labels": _count(labels),
    }


def measure_examples(tagger: Tagger, examples: Sequence[Example], config: TrainingConfig) -> dict[str, Any]:
    """Measure a tagger on corpus sentences, broken down by register."""
    truth = [Truth(e.label, e.dimension, e.concept, e.register_, e.doc) for e in examples]
    scores = tagger.score([e.text for e in examples])
    return measure(truth, scores, config.evaluation.bootstrap_samples, config.seed)


def _count(values: Sequence[str]) -> dict[str, int]:
    names, counts = np.unique(values, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))
