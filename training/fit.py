"""The scikit-learn pipelines, and how they are fitted and calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from model.folded import CONCEPTS, SIDE_DIMENSIONS
from model.labels import Label, Side
from training.build import Row
from training.config import FeatureConfig, TrainingConfig
from training.embedding import Embedding
from training.features import AdditiveFeatures, lower_case_words
from training.split import is_calibration

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Fitted:
    """The three pipelines of a model, and what turns the decisions of the first into probabilities.

    Attributes:
        tags: sentences -> (n, 2) raw decisions for leadership and management.
        dimensions: oriented sentences -> one of the 22 sides and dimensions.
        concepts: sentences with leadership -> one of the 9 concepts.
        slope, offset: (2,) each; `slope * decision + offset` is the log-odds (Platt scaling).
    """

    tags: Pipeline
    dimensions: Pipeline
    concepts: Pipeline
    slope: Doubles
    offset: Doubles


def tag_targets(labels: Sequence[Label]) -> Flags:
    """Return (n, 2): whether each label carries leadership and management."""
    return np.array([[side in label.tags for side in Side] for label in labels], dtype=bool).reshape(-1, len(Side))


def tag_pipeline(config: TrainingConfig, embedding: Embedding, known: frozenset[str]) -> Pipeline:
    """Return the unfitted pipeline that decides the two tags, each on its own."""
    head = LogisticRegression(C=config.heads.tags, solver="liblinear", random_state=config.seed)
    return Pipeline([("features", _features(config.features, embedding, known, whole=True)), ("head", OneVsRestClassifier(head))])


def topic_pipeline(config: TrainingConfig, embedding: Embedding, known: frozenset[str], penalty: float) -> Pipeline:
    """Return the unfitted pipeline of a many-way head, which needs words and vectors only."""
    head = LogisticRegression(C=penalty, max_iter=300, random_state=config.seed)
    return Pipeline([("features", _features(config.features, embedding, known, whole=False)), ("head", head)])


def fit(rows: Sequence[Row], config: TrainingConfig, embedding: Embedding) -> Fitted:
    """Fit all heads on all rows; calibrate on out-of-fold decisions about documents the word vectors never saw, with folds by document."""
    texts = [row.text for row in rows]
    targets = tag_targets([row.label for row in rows])
    known = lower_case_words(texts)
    decisions = out_of_fold(tag_pipeline(config, embedding, known), texts, targets, [row.doc for row in rows], config.calibration.folds)
    unseen = np.array([is_calibration(row.doc) for row in rows])
    slope, offset = platt(decisions[unseen], targets[unseen])
    oriented = [row for row in rows if row.label in {Label.LEADERSHIP, Label.MANAGEMENT}]
    led = [row for row in rows if row.concept]
    side_dimension = [SIDE_DIMENSIONS.index((Side(row.label), row.dimension)) for row in oriented if row.dimension]
    concept = [CONCEPTS.index(row.concept) for row in led if row.concept]
    tags, dimensions, concepts = Parallel(n_jobs=2)(
        delayed(_fitted)(*work)
        for work in (
            (tag_pipeline(config, embedding, known), texts, targets.astype(int)),
            (topic_pipeline(config, embedding, known, config.heads.dimensions), [row.text for row in oriented], side_dimension),
            (topic_pipeline(config, embedding, known, config.heads.concepts), [row.text for row in led], concept),
        )
    )
    return Fitted(tags, dimensions, concepts, slope, offset)


def _fitted(pipeline: Pipeline, texts: Sequence[str], targets: object) -> Pipeline:
    return pipeline.fit(texts, targets)


def out_of_fold(pipeline: Pipeline, texts: Sequence[str], targets: Flags, documents: Sequence[str], folds: int) -> Doubles:
    """Return (n, 2) decisions, each from a model that saw no sentence of its document."""

    def decide(train: NDArray[np.int64], test: NDArray[np.int64]) -> tuple[NDArray[np.int64], Doubles]:
        fitted = clone(pipeline).fit([texts[i] for i in train], targets[train].astype(int))
        return test, fitted.decision_function([texts[i] for i in test])

    splits = GroupKFold(folds).split(texts, groups=documents)
    decisions = np.zeros(targets.shape)
    for test, decided in Parallel(n_jobs=2)(delayed(decide)(train, test) for train, test in splits):
        decisions[test] = decided
    return decisions


def platt(decisions: Doubles, targets: Flags) -> tuple[Doubles, Doubles]:
    """Return (2,) slopes and offsets that make decisions log-odds (Platt 1999, "Probabilistic outputs for support vector machines")."""
    fits = [LogisticRegression(C=np.inf).fit(decisions[:, [k]], targets[:, k]) for k in range(targets.shape[1])]
    return np.array([f.coef_[0, 0] for f in fits]), np.array([f.intercept_[0] for f in fits])


def _features(config: FeatureConfig, embedding: Embedding, known: frozenset[str], *, whole: bool) -> AdditiveFeatures:
    return AdditiveFeatures(
        known,
        embedding,
        embedding_weight=config.embedding_weight,
        gram_weight=config.gram_weight if whole else 0.0,
        min_word_count=config.min_word_count,
        min_gram_count=config.min_gram_count,
        min_pair_count=config.min_pair_count,
        pairs=whole,
    )
