"""Folds fitted pipelines into tables from words to contributions (`model.folded`)."""

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from model.folded import CONCEPTS, SIDE_DIMENSIONS, FoldedModel, join
from model.tokens import END, NAME, NUMBER, START
from training.fit import Fitted


def fold(fitted: Fitted, *, threshold: float, minimum_known: float) -> FoldedModel:
    """Fold the pipelines: the decision of the result is that of the pipelines for every sentence, to 1e-6."""
    features, heads = fitted.tags["features"], fitted.tags["head"]
    learnt = sorted({*features.embedding.words, *features.words_, *features.known, *(w for pair in features.pairs_ for w in pair)})
    vocabulary = [START, END, NAME, NUMBER, *(word for word in learnt if word not in {START, END, NAME, NUMBER})]
    row_of = {word: row for row, word in enumerate(vocabulary)}
    weights = heads.coef_.T * fitted.slope
    bias = heads.intercept_ * fitted.slope + fitted.offset
    words, grams, vectors, pairs = features.columns()
    of_words = np.concatenate([weights[words], weights[grams], weights[vectors]])

    pair_rows = sorted((row_of[first], row_of[second], column) for (first, second), column in features.pairs_.items())
    pair_columns = [column for _, _, column in pair_rows]
    dimension_words, dimension_bias = _topics(fitted.dimensions, vocabulary, len(SIDE_DIMENSIONS))
    concept_words, concept_bias = _topics(fitted.concepts, vocabulary, len(CONCEPTS))
    return FoldedModel(
        words=join(vocabulary),
        cased=np.array([word in features.known for word in vocabulary]),
        word_tags=np.ascontiguousarray(features.word_rows(vocabulary) @ of_words),
        word_dimensions=dimension_words,
        word_concepts=concept_words,
        pair_first=np.array([first for first, _, _ in pair_rows], np.int32),
        pair_second=np.array([second for _, second, _ in pair_rows], np.int32),
        pair_tags=np.ascontiguousarray(weights[pairs][pair_columns]),
        grams=join(list(features.grams_)),
        gram_tags=np.ascontiguousarray(weights[grams] * features.gram_weight),
        bias_tags=np.ascontiguousarray(bias),
        bias_dimensions=dimension_bias,
        bias_concepts=concept_bias,
        thresholds=np.full(len(bias), threshold),
        minimum_known=minimum_known,
    )


def _topics(pipeline: Pipeline, vocabulary: list[str], classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fold a many-way head; a class that training never saw gets a decision no other can fall under."""
    features, head = pipeline["features"], pipeline["head"]
    rows = np.zeros((len(vocabulary), classes), np.float32)
    bias = np.full(classes, -1e6, np.float32)
    rows[:, head.classes_] = features.word_rows(vocabulary) @ np.concatenate([one.coef_ for one in head.estimators_]).T
    bias[head.classes_] = np.concatenate([one.intercept_ for one in head.estimators_])
    return rows, bias
