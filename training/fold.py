"""Folds what was fitted, and the student, into tables from words to contributions (`model.folded`)."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from model.folded import CONCEPTS, SIDE_DIMENSIONS, SIDES, FoldedModel, join
from model.tokens import END, NAME, NUMBER, START
from training.fit import Fitted, Real, together

Item = TypeVar("Item", str, tuple[str, str])


def fold(fitted: Fitted, *, threshold: float, minimum_known: float) -> FoldedModel:
    """Fold what was fitted: the decision of the result is that of `Fitted.decide` for every sentence, to 1e-6."""
    features, heads, student = fitted.tags["features"], fitted.tags["head"], fitted.student
    every_pair = {*features.pairs_, *student.pairs}
    counted = {word for pipeline in (fitted.tags, *fitted.dimensions, fitted.concepts) for word in pipeline["features"].words_}
    learnt = {*features.embedding.words, *counted, *features.known, *student.words, *(word for pair in every_pair for word in pair)}
    vocabulary = [START, END, NAME, NUMBER, *sorted(learnt - {START, END, NAME, NUMBER})]
    row_of = {word: row for row, word in enumerate(vocabulary)}
    pairs = sorted(every_pair, key=lambda pair: (row_of[pair[0]], row_of[pair[1]]))

    weights = heads.coef_.T * fitted.slope * (1 - fitted.share)
    taught = fitted.slope * fitted.share
    words, grams, vectors, of_pairs = features.columns()
    word_rows, pair_rows = (_placed(rows, items) for rows, items in ((student.word_row, vocabulary), (student.pair_row, pairs)))
    own_pairs = _placed(features.pairs_, pairs)
    own_words = features.word_rows(vocabulary) @ np.concatenate([weights[words], weights[grams], weights[vectors]])
    student_words = _take(student.word, word_rows)
    dimension_words, dimension_bias = _topics(fitted.dimensions, vocabulary, len(SIDE_DIMENSIONS))
    concept_words, concept_bias = _topics([fitted.concepts], vocabulary, len(CONCEPTS))
    tags, dimensions = slice(len(SIDES)), slice(len(SIDES), None)
    return FoldedModel(
        words=join(vocabulary),
        cased=np.array([word in features.known for word in vocabulary]),
        word_tags=np.ascontiguousarray(own_words + student_words[:, tags] * taught),
        word_dimensions=together(dimension_words, student_words[:, dimensions], fitted.share),
        word_concepts=concept_words,
        pair_first=np.array([row_of[first] for first, _ in pairs], np.int32),
        pair_second=np.array([row_of[second] for _, second in pairs], np.int32),
        pair_tags=np.ascontiguousarray(_take(weights[of_pairs], own_pairs) + _take(student.pair, pair_rows) * taught),
        left=_take(student.left, word_rows),
        right=_take(student.right, word_rows),
        kernel=student.kernel,
        factor_tags=np.ascontiguousarray(student.factors[:, tags] * taught),
        factor_dimensions=np.ascontiguousarray(student.factors[:, dimensions] * np.float32(fitted.share)),
        grams=join(list(features.grams_)),
        gram_tags=np.ascontiguousarray(weights[grams] * features.gram_weight),
        bias_tags=heads.intercept_ * fitted.slope * (1 - fitted.share) + student.bias[tags] * taught + fitted.offset,
        bias_dimensions=together(dimension_bias, student.bias[dimensions], fitted.share),
        bias_concepts=concept_bias,
        thresholds=np.full(len(SIDES), threshold),
        minimum_known=minimum_known,
    )


def _placed(row_of: Mapping[Item, int], items: Sequence[Item]) -> NDArray[np.int64]:
    """Return the row of each item, -1 for one that has none."""
    return np.array([row_of.get(item, -1) for item in items], np.int64)


def _take(table: NDArray[Real], rows: NDArray[np.int64]) -> NDArray[Real]:
    """Return the rows of a table, zeros for -1."""
    taken = np.zeros((len(rows), table.shape[1]), table.dtype)
    taken[rows >= 0] = table[rows[rows >= 0]]
    return taken


def _topics(pipelines: Sequence[Pipeline], vocabulary: list[str], classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fold many-way heads, each with classes of its own; a class that training never saw gets a decision no other can fall under."""
    rows = np.zeros((len(vocabulary), classes), np.float32)
    bias = np.full(classes, -1e6, np.float32)
    for pipeline in pipelines:
        features, head = pipeline["features"], pipeline["head"]
        rows[:, head.classes_] = features.word_rows(vocabulary) @ np.concatenate([one.coef_ for one in head.estimators_]).T
        bias[head.classes_] = np.concatenate([one.intercept_ for one in head.estimators_])
    return rows, bias
