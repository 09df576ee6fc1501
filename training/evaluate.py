"""Measures a tagger on labelled sentences: one function, one dictionary of figures, for the hold-out and for any other labelled file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from model.folded import CONCEPTS, SIDE_DIMENSIONS
from model.labels import Concept, Dimension, Label, Side, label_of
from model.tagger import Scores

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

TAGS: Final = (*Side, Label.NEITHER)
"""What F1 is averaged over; `mixed` carries both sides (data/codebook.md)."""
_BINS: Final = 10


@dataclass(frozen=True)
class Truth:
    """What a reader says of one sentence; `group` is what figures are broken down by, `doc` what is drawn together in the bootstrap."""

    label: Label
    dimension: Dimension | None
    concept: Concept | None
    group: str
    doc: str


def measure(truth: Sequence[Truth], scores: Scores, samples: int, seed: int) -> dict[str, Any]:
    """Compare what the tagger says of n sentences with what readers say.

    Args:
        truth: n readings.
        scores: of the same sentences, in the same order.
        samples: how often documents are drawn again for the 95% intervals.
        seed: of the drawing.

    Returns:
        A JSON object: per tag precision, recall, F1 and expected calibration error; macro-F1; confusion; accuracy of dimension and
            concept where
        the label is right; figures per group; reliability; accuracy against coverage. Each main figure is `{"value", "low", "high"}`.
    """
    labels = [label_of(*given) for given in scores.tagged.tolist()]
    right = np.array([t.label is label for t, label in zip(truth, labels, strict=True)])
    gold, given = tag_matrix([t.label for t in truth]), tag_matrix(labels)
    draws = _draws([t.doc for t in truth], samples, seed)
    carried = gold[:, : len(Side)]
    groups = sorted({t.group for t in truth})
    of_group = {group: np.flatnonzero([t.group == group for t in truth]) for group in groups}
    dimension_right = np.array([d >= 0 and SIDE_DIMENSIONS[d][1] is t.dimension for d, t in zip(scores.dimension, truth, strict=True)])
    concept_right = np.array([c >= 0 and CONCEPTS[c] is t.concept for c, t in zip(scores.concept, truth, strict=True)])
    with_dimension = right & np.array([t.dimension is not None for t in truth])
    with_concept = right & np.array([t.concept is not None for t in truth])
    return {
        "sentences": len(truth),
        "documents": len({t.doc for t in truth}),
        "macro_f1": _interval(partial(_on_rows, macro_f1, gold, given), draws, len(truth)),
        "tags": {
            str(tag): {
                "precision": _interval(partial(_on_rows, _precision, gold[:, k], given[:, k]), draws, len(truth)),
                "recall": _interval(partial(_on_rows, _precision, given[:, k], gold[:, k]), draws, len(truth)),
                "f1": _interval(partial(_on_rows, _f1, gold[:, k], given[:, k]), draws, len(truth)),
                "sentences": int(gold[:, k].sum()),
            }
            for k, tag in enumerate(TAGS)
        },
        "calibration": {
            str(side): {
                "expected_error": expected_calibration_error(scores.score[:, k], carried[:, k]),
                "brier": float(np.mean((scores.score[:, k] - carried[:, k]) ** 2)),
                "reliability": reliability(scores.score[:, k], carried[:, k]),
            }
            for k, side in enumerate(Side)
        },
        "confusion": {
            "labels": list(Label),
            "rows_are_readers": confusion_matrix([t.label for t in truth], labels, labels=list(Label)).tolist(),
        },
        "dimension_accuracy": _share(dimension_right, with_dimension, draws),
        "concept_accuracy": _share(concept_right, with_concept, draws),
        "groups": {
            group: {
                "sentences": len(rows),
                "macro_f1": macro_f1(gold[rows], given[rows]),
                **{str(tag): _f1(gold[rows, k], given[rows, k]) for k, tag in enumerate(TAGS)},
            }
            for group, rows in of_group.items()
        },
        "risk_coverage": risk_coverage(scores.score, right),
        "abstained": int(scores.abstained.sum()),
    }


def tag_matrix(labels: Sequence[Label]) -> Flags:
    """Return (n, 3): whether each label carries leadership, carries management, is neither."""
    sides = np.array([[side in label.tags for side in Side] for label in labels], dtype=bool).reshape(-1, len(Side))
    return np.column_stack([sides, ~sides.any(axis=1)])


def macro_f1(gold: Flags, given: Flags) -> float:
    """Return the mean F1 over the three tags, each 1 where neither reader nor tagger ever gives it."""
    return float(np.mean([_f1(gold[:, k], given[:, k]) for k in range(len(TAGS))]))


def expected_calibration_error(scores: Doubles, truth: Flags) -> float:
    """Return the mean distance of score and share over ten bins of equal width, weighted by sentences (Naeini et al. 2015)."""
    return float(sum(b["sentences"] * abs(b["mean_score"] - b["share"]) for b in reliability(scores, truth)) / max(len(scores), 1))


def reliability(scores: Doubles, truth: Flags) -> list[dict[str, float]]:
    """Return, for each bin of score that holds sentences, their number, mean score and the share that carries the tag."""
    bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    return [
        {
            "from": b / _BINS,
            "sentences": int((bins == b).sum()),
            "mean_score": float(scores[bins == b].mean()),
            "share": float(truth[bins == b].mean()),
        }
        for b in range(_BINS)
        if (bins == b).any()
    ]


def risk_coverage(scores: Doubles, right: Flags) -> list[dict[str, float]]:
    """Return accuracy among the most certain sentences, for ten shares of them; certainty is the distance of the nearer score from 1/2."""
    order = np.argsort(-np.abs(scores - 0.5).min(axis=1), kind="stable")
    counts = [max(1, round(len(right) * tenth / 10)) for tenth in range(1, 11)]
    return [{"coverage": count / len(right), "accuracy": float(right[order[:count]].mean())} for count in counts]


def _f1(gold: Flags, given: Flags) -> float:
    total = gold.sum() + given.sum()
    return float(2 * (gold & given).sum() / total) if total else 1.0


def _precision(gold: Flags, given: Flags) -> float:
    return float((gold & given).sum() / given.sum()) if given.any() else 0.0


def _on_rows(figure: Callable[[Flags, Flags], float], gold: Flags, given: Flags, rows: NDArray[np.int64]) -> float:
    return figure(gold[rows], given[rows])


def _share(right: Flags, counted: Flags, draws: list[NDArray[np.int64]]) -> dict[str, float]:
    def share(rows: NDArray[np.int64]) -> float:
        return float(right[rows][counted[rows]].mean()) if counted[rows].any() else 0.0

    return {**_interval(share, draws, len(right)), "sentences": int(counted.sum())}


def _draws(documents: Sequence[str], samples: int, seed: int) -> list[NDArray[np.int64]]:
    """Draw whole documents with replacement, since sentences of one document are alike."""
    random = np.random.default_rng(seed)
    members: dict[str, list[int]] = {}
    for row, document in enumerate(documents):
        members.setdefault(document, []).append(row)
    rows = [np.array(r) for r in members.values()]
    return [np.concatenate([rows[i] for i in random.integers(len(rows), size=len(rows))]) for _ in range(samples)]


def _interval(figure: Callable[[NDArray[np.int64]], float], draws: list[NDArray[np.int64]], total: int) -> dict[str, float]:
    values = sorted(figure(rows) for rows in draws)
    low, high = np.quantile(values, [0.025, 0.975])
    return {"value": figure(np.arange(total)), "low": float(low), "high": float(high)}
