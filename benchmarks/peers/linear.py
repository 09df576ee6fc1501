"""Logistic regression of scikit-learn: on TF-IDF, and as the head on the vectors of other peers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import joblib
import numpy as np
from scipy.special import logit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from benchmarks.peers.protocol import SEED, THRESHOLD, Flags, Materials

PENALTIES: Final = (0.3, 1.0, 3.0, 10.0, 30.0)
"""Inverse strengths to choose from."""


def tag_heads() -> OneVsRestClassifier:
    """Return two unfitted regressions, one a tag, each with the penalty that gives the best F1 in three folds of the training rows.

    The folds are stretches of the rows as they stand, so that most documents stay whole.
    """
    head = LogisticRegression(solver="liblinear", max_iter=1000, random_state=SEED)
    return OneVsRestClassifier(GridSearchCV(head, {"C": PENALTIES}, scoring="f1", cv=3))


def positive(decisions: np.ndarray) -> Flags:
    """Turn (n, 2) log-odds into tags."""
    return np.asarray(decisions >= logit(THRESHOLD), dtype=bool)


class TfidfRegression:
    """TF-IDF of words and neighbouring pairs with logistic regression."""

    FILE: Final = "model.joblib"

    def __init__(self) -> None:
        self.pipeline: Pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), tag_heads())

    def fit(self, texts: Sequence[str], targets: Flags) -> None:
        """Learn vocabulary and weights."""
        self.pipeline.fit(texts, targets)

    def save(self, folder: Path) -> None:
        """Write the pipeline."""
        joblib.dump(self.pipeline, folder / self.FILE)

    def load(self, folder: Path) -> None:
        """Read the pipeline."""
        self.pipeline = joblib.load(folder / self.FILE)

    def predict(self, texts: Sequence[str]) -> Flags:
        """Tag."""
        return positive(self.pipeline.decision_function(texts))


def tfidf(materials: Materials) -> TfidfRegression:
    """Return the peer."""
    return TfidfRegression()
