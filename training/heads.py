"""The decision for the two tags: logistic regressions over weighted counts, adapted to the English of offices."""

from typing import Final, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TOLERANCE: Final = 0.1  # of the dual solver, its default; against 0.01 no decision changed by 0.01 (docs/experiments.md)
_ITERATIONS: Final = 1000


def logistic_regression(penalty: float, seed: int) -> LogisticRegression:
    """Return an unfitted logistic regression for many sparse features, with an L2 penalty of inverse strength `penalty`."""
    return LogisticRegression(C=penalty, solver="liblinear", dual=True, tol=_TOLERANCE, max_iter=_ITERATIONS, random_state=seed)


class TagHeads(BaseEstimator):  # type: ignore[misc]
    """Decides each tag by a weighted sum of the features of a sentence.

    Two things set it apart from a plain logistic regression:

    - A column that counts something (a word, a piece, a pair) is weighted by how unevenly it falls on sentences with and without the tag:
      the size of its log-count ratio (Wang and Manning 2012, "Baselines and bigrams", section 2.3), set to a mean square of 1 for each
      kind of column.
    - Sentences from documents full of particulars (`training.corpus.Manner`) are shown with a second copy of their features, which no
      other sentence has. What holds in such documents only goes to the copy, which is dropped; what is kept holds in both (Daumé III 2007,
      "Frustratingly easy domain adaptation").

    Args:
        counted: the columns of each kind that counts something; the others, word vectors, have a weight of 1.
        penalty: inverse strength of the L2 penalty.
        seed: of the order in which the solver looks at sentences.

    Attributes:
        coef_: (2, F), what a unit of each feature adds to the decision for leadership and for management.
        intercept_: (2,).
    """

    def __init__(self, counted: tuple[slice, ...], penalty: float, seed: int) -> None:
        self.counted = counted
        self.penalty = penalty
        self.seed = seed

    def fit(self, features: sp.csr_array, targets: Flags, particular: Flags) -> Self:
        """Fit on n sentences.

        Args:
            features: (n, F).
            targets: (n, 2), which tags each carries.
            particular: (n,), which of them stand in documents full of particulars.
        """
        both = sp.csr_array(sp.hstack([features, sp.diags_array(particular.astype(np.float64)) @ features], format="csr"))
        both.sort_indices()  # or the solver would, in arrays that both fits share
        both.indices, both.indptr = both.indices.astype(np.int32), both.indptr.astype(np.int32)  # liblinear takes no others
        fits = [self._fit_one(features, both, target) for target in targets.T]
        self.coef_: Doubles = np.stack([coefficients for coefficients, _ in fits])
        self.intercept_: Doubles = np.array([intercept for _, intercept in fits])
        return self

    def decision_function(self, features: sp.csr_array) -> Doubles:
        """Return (n, 2) decisions."""
        decisions: Doubles = features @ self.coef_.T + self.intercept_
        return decisions

    def _fit_one(self, features: sp.csr_array, both: sp.csr_array, target: Flags) -> tuple[Doubles, float]:
        weights = self._weights(features, target)
        weighted = sp.csr_array((both.data * np.tile(weights, 2)[both.indices], both.indices, both.indptr), shape=both.shape)
        head = logistic_regression(self.penalty, self.seed).fit(weighted, target.astype(int))
        return head.coef_[0, : len(weights)] * weights, float(head.intercept_[0])

    def _weights(self, features: sp.csr_array, target: Flags) -> Doubles:
        occurs = sp.csr_array(((features.data > 0).astype(np.float64), features.indices, features.indptr), shape=features.shape)
        with_tag, without = (1 + occurs.T @ rows.astype(np.float64) for rows in (target, ~target))
        ratio: Doubles = np.abs(np.log((with_tag / with_tag.sum()) / (without / without.sum())))
        weights: Doubles = np.ones_like(ratio)
        for columns in self.counted:
            if ratio[columns].any():
                weights[columns] = ratio[columns] / np.sqrt(np.mean(ratio[columns] ** 2))
        return weights
