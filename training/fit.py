"""The scikit-learn pipelines, the student beside them, and how they are fitted and calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.sparse as sp
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline

from model.folded import CONCEPTS, SIDE_DIMENSIONS
from model.labels import Label, Side
from model.tokens import vocabulary_forms
from training.build import Row
from training.config import FeatureConfig, TrainingConfig
from training.corpus import Manner
from training.embedding import Embedding
from training.features import AdditiveFeatures, lower_case_words
from training.heads import TagHeads, logistic_regression
from training.split import is_calibration
from training.student import Student

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Real = TypeVar("Real", np.float32, np.float64)


@dataclass(frozen=True)
class Fitted:
    """The three pipelines of a model, the student beside them, and what turns decisions into probabilities.

    Attributes:
        tags: sentences -> (n, 2) raw decisions for leadership and management.
        dimensions: for each side, its sentences -> one of its dimensions, numbered as in `SIDE_DIMENSIONS`.
        concepts: sentences with leadership -> one of the 9 concepts.
        student: what the teachers would say of the tags, the sides and dimensions.
        share: of the student in decisions for tags and dimensions, in [0, 1]; the rest is that of the pipelines.
        slope, offset: (2,) each; `slope * decision + offset` is the log-odds (Platt scaling, drawn towards the middle by
            `calibration.confidence`).
    """

    tags: Pipeline
    dimensions: tuple[Pipeline, ...]
    concepts: Pipeline
    student: Student
    share: float
    slope: Doubles
    offset: Doubles

    def decide(self, sentences: Sequence[str]) -> Doubles:
        """Return (n, 2) log-odds of the tags."""
        features = self.tags["features"]
        taught = self.student.decision_function([vocabulary_forms(sentence, features.known) for sentence in sentences])[:, : len(Side)]
        heads: Doubles = self.tags.decision_function(sentences)
        decisions: Doubles = self.slope * together(heads, taught, self.share) + self.offset
        return decisions


def together(heads: NDArray[Real], student: NDArray[Real], share: float) -> NDArray[Real]:
    """Return what heads and student decide together, the student with its share."""
    decisions: NDArray[Real] = (1 - share) * heads + share * student
    return decisions


def tag_targets(labels: Sequence[Label]) -> Flags:
    """Return (n, 2): whether each label carries leadership and management."""
    return np.array([[side in label.tags for side in Side] for label in labels], dtype=bool).reshape(-1, len(Side))


def topic_pipeline(config: TrainingConfig, embedding: Embedding, known: frozenset[str], penalty: float) -> Pipeline:
    """Return the unfitted pipeline of a many-way head, one class against the others, which needs words and vectors only."""
    head = OneVsRestClassifier(logistic_regression(penalty, config.seed))
    return Pipeline([("features", _features(config.features, embedding, known, whole=False)), ("head", head)])


def fit(rows: Sequence[Row], config: TrainingConfig, embedding: Embedding, student: Student) -> Fitted:
    """Fit the heads of the tags on all rows but statements of duty (`training.corpus.Manner`), the other heads on all.

    The tags are calibrated on kinds of documents that the deciding head has not seen (`held_out`).
    """
    known = lower_case_words([row.text for row in rows])  # of all: one view of what is a name, whatever is asked of a sentence
    tagged = [row for row in rows if row.manner.teaches_tags]
    texts = [row.text for row in tagged]
    features = _features(config.features, embedding, known, whole=True)
    matrix = features.fit(texts).transform(texts)
    words, pieces, _, pairs = features.columns()
    sentences = Sentences(
        matrix,
        tag_targets([row.label for row in tagged]),
        np.array([row.manner is Manner.PARTICULAR for row in tagged]),
        np.array([is_calibration(row.doc) for row in tagged]),
        student.decision_function([vocabulary_forms(text, known) for text in texts])[:, : len(Side)],
    )
    heads = TagHeads((words, pieces, pairs), config.heads.tags, config.seed)
    led = [row for row in rows if row.concept]
    concept = [CONCEPTS.index(row.concept) for row in led if row.concept]
    office = np.flatnonzero(~sentences.particular)
    folds = GroupKFold(config.calibration.folds).split(office, groups=[tagged[i].register for i in office.tolist()])
    tags, leadership, management, concepts, *held = Parallel(n_jobs=2, max_nbytes=None)(
        (
            delayed(_fit_tags)(heads, sentences, np.arange(len(tagged))),
            *(
                delayed(_fit_topics)(topic_pipeline(config, embedding, known, config.heads.dimensions), *readings(rows, side))
                for side in Side
            ),
            delayed(_fit_topics)(topic_pipeline(config, embedding, known, config.heads.concepts), led, concept),
            *(delayed(held_out)(heads, sentences, office[test], config.student.share) for _, test in folds),
        )
    )
    slope, offset = platt(*(np.concatenate(parts) for parts in zip(*held, strict=True)))
    return Fitted(
        Pipeline([("features", features), ("head", tags)]),
        (leadership, management),
        concepts,
        student,
        config.student.share,
        slope * config.calibration.confidence,
        offset * config.calibration.confidence,
    )


@dataclass(frozen=True)
class Sentences:
    """What the heads of the tags are fitted and calibrated on.

    Attributes:
        features: (n, F).
        targets: (n, 2), which tags each carries.
        particular: (n,), which stand in documents full of particulars, and not in office English.
        unseen: (n,), which stand in documents that neither word vectors nor student have seen (`training.split`).
        taught: (n, 2), what the student decides of them.
    """

    features: sp.csr_array
    targets: Flags
    particular: Flags
    unseen: Flags
    taught: Doubles


def readings(rows: Sequence[Row], side: Side) -> tuple[list[Row], list[int]]:
    """Return the sentences of a side, once for each reading of their dimension, and what was read.

    The latest reading counts twice: of most sentences its readers judged nothing but the dimension (data/README.md).
    """
    read = [(row, dimension) for row in rows if row.label.tags == {side} for dimension in (*row.dimensions, *row.dimensions[-1:])]
    return [row for row, _ in read], [SIDE_DIMENSIONS.index((side, dimension)) for _, dimension in read]


def _fit_tags(heads: TagHeads, sentences: Sentences, rows: NDArray[np.int64]) -> TagHeads:
    fresh: TagHeads = clone(heads)
    return fresh.fit(sentences.features[rows], sentences.targets[rows], sentences.particular[rows])


def _fit_topics(pipeline: Pipeline, rows: Sequence[Row], topics: Sequence[int]) -> Pipeline:
    return pipeline.fit([row.text for row in rows], topics)


def held_out(heads: TagHeads, sentences: Sentences, rows: NDArray[np.int64], share: float) -> tuple[Doubles, Flags]:
    """Return (m, 2) decisions and targets of some sentences, decided by heads fitted on all others and, for its share, by the student.

    The rows are the office English of some registers: a model that has seen other documents of the same kind is surer than it can be of
    text from elsewhere. Only those of them count that word vectors and student have not seen either.
    """
    others = np.setdiff1d(np.arange(len(sentences.targets)), rows)
    judged = rows[sentences.unseen[rows]]
    decisions = _fit_tags(heads, sentences, others).decision_function(sentences.features[judged])
    return together(decisions, sentences.taught[judged], share), sentences.targets[judged]


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
