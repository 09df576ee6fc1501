"""Tags sentences by adding up the rows of a folded model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product, repeat
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.folded import CONCEPTS, SIDE_DIMENSIONS, Doubles, FoldedModel, Ints
from model.labels import Concept, Dimension, Label, Side, label_of
from model.tokens import END, PLACEHOLDERS, START, TOKEN, normalise, tokenise

Longs = NDArray[np.int64]

_CHUNK: Final = 4096  # sentences whose rows are held in memory at a time
_LABELS: Final = tuple(label_of(*tags) for tags in product((False, True), repeat=len(Side)))
_DIMENSIONS: Final = (*(dimension for _, dimension in SIDE_DIMENSIONS), None)  # the last one, at -1, for a sentence that has none
_CONCEPTS: Final = (*CONCEPTS, None)
_RARE_LIMIT: Final = 100_000  # token forms outside the table that are remembered before the memory starts afresh


class Scores(NamedTuple):
    """Decisions for n sentences.

    Attributes:
        decision: (n, 2) log-odds for leadership and management.
        score: (n, 2) the same as calibrated probabilities in [0, 1].
        abstained: (n,) whether the model knows too few of the words to judge; no tag is then given.
        dimension: (n,) index into `SIDE_DIMENSIONS`, -1 for `neither`.
        concept: (n,) index into `CONCEPTS`, -1 where there is no leadership.
        tagged: (n, 2) whether each tag is given.
    """

    decision: Doubles
    score: Doubles
    abstained: NDArray[np.bool_]
    dimension: Ints
    concept: Ints
    tagged: NDArray[np.bool_]


class Evidence(NamedTuple):
    """What one token added to the two decisions, in log-odds; `start` and `end` are offsets in the sentence."""

    start: int
    end: int
    text: str
    leadership: float
    management: float


class Tag(NamedTuple):
    """What the model says about one sentence.

    `leadership` and `management` are calibrated probabilities in [0, 1]. `abstained` marks a sentence of which the model knows too few
    words to judge; its label is `neither`.
    """

    label: Label
    leadership: float
    management: float
    dimension: Dimension | None
    concept: Concept | None
    abstained: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why: for each side, `baseline` plus the evidence is `decision`, and the score is the logistic function of the decision."""

    decision: dict[Side, float]
    baseline: dict[Side, float]
    evidence: list[Evidence]


class _Unknown(NamedTuple):
    """A word outside the table, and what its character pieces add to the two decisions."""

    word: str
    is_word: bool
    tags: Doubles


class Tagger:
    """Tags sentences. Safe to share between threads: the tables are only read, and the word memory only ever gains entries."""

    def __init__(self, model: FoldedModel) -> None:
        self.model = model
        vocabulary = model.vocabulary
        self._index = {word: row for row, word in enumerate(vocabulary)}
        self._start, self._end = self._index[START], self._index[END]
        self._placeholders = len(PLACEHOLDERS)
        self._pair_tags = np.vstack([model.pair_tags, np.zeros((1, 2))])
        # The last row stands for all words outside the table, which bring nothing to a pair.
        self._left, self._right = (np.vstack([table, np.zeros_like(table[:1])]) for table in (model.left, model.right))
        self._factor_tags = np.ascontiguousarray(model.factor_tags.T)
        # Token forms as they stand in text, so that most tokens cost one look-up.
        self._tokens = {word: row for word, row in self._index.items() if row >= self._placeholders}
        self._tokens.update({word.capitalize(): self._index[word] for word in model.known if word in self._index})
        self._is_word = np.array([word[0].isalpha() for word in vocabulary])
        self._is_known = np.append(model.cased, False)  # the last row stands for all words outside the table
        self._rare: dict[str, int | _Unknown] = {}

    def score(self, sentences: Sequence[str], threshold: float | None = None) -> Scores:
        """Score n sentences. Raises TypeError for a single string, which would be read as a list of letters.

        `threshold` is the score in (0, 1) from which both tags are given; the model's own two thresholds if left out.
        """
        if isinstance(sentences, str):
            raise TypeError("score() takes a sequence of sentences, not one string")
        if not sentences:
            return Scores(
                np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, bool), np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 2), bool)
            )
        chunks = [self._score_chunk(sentences[i : i + _CHUNK], threshold) for i in range(0, len(sentences), _CHUNK)]
        return Scores(*(np.concatenate(parts) for parts in zip(*chunks, strict=True)))

    def tag(self, sentences: Sequence[str], threshold: float | None = None) -> list[Tag]:
        """Tag n sentences, in order; arguments and errors as of `score`."""
        scores = self.score(sentences, threshold)
        return list(
            map(
                Tag,
                map(_LABELS.__getitem__, (scores.tagged @ (2, 1)).tolist()),
                scores.score[:, 0].tolist(),
                scores.score[:, 1].tolist(),
                map(_DIMENSIONS.__getitem__, scores.dimension.tolist()),
                map(_CONCEPTS.__getitem__, scores.concept.tolist()),
                scores.abstained.tolist(),
            )
        )

    def explain(self, sentence: str) -> Explanation:
        """Return what each token added; tokens that added nothing are left out.

        A pair counts half for each of its words; a neighbouring one with a name, a number or an edge of the sentence counts for its word
        alone.
        """
        matches = list(TOKEN.finditer(sentence))
        rows, unknown = self._rows([match[0] for match in matches])
        added = self._word_tags(rows, unknown)
        edged = np.array([self._start, *rows, self._end])
        pair_tags = self._pair_tags[self._pair_rows(edged[:-1], edged[1:])]
        whole = edged < self._placeholders
        left_share = np.where(whole[:-1], 0.0, np.where(whole[1:], 1.0, 0.5))[:, None]
        added += (pair_tags * left_share)[1:] + (pair_tags * (1 - left_share))[:-1]
        added += self._near_halves(rows)
        added /= np.sqrt(max(len(matches), 1))
        baseline = self.model.bias_tags
        decision = baseline + added.sum(axis=0)
        evidence = [
            Evidence(match.start(), match.end(), match[0], *row) for match, row in zip(matches, added.tolist(), strict=True) if any(row)
        ]
        return Explanation(dict(zip(Side, decision.tolist(), strict=True)), dict(zip(Side, baseline.tolist(), strict=True)), evidence)

    def _score_chunk(self, sentences: Sequence[str], threshold: float | None) -> Scores:
        tokens = list(map(tokenise, sentences))
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        rows, unknown = self._rows([token for words in tokens for token in words])
        ends = np.cumsum(lengths)
        starts = ends - lengths
        scale = (1 / np.sqrt(np.maximum(lengths, 1)))[:, None]

        edged_rows = np.full(len(rows) + 2 * len(tokens), self._start, np.int32)
        edged_starts = starts + 2 * np.arange(len(tokens))
        edged_ends = edged_starts + lengths + 1
        inner = np.ones(len(edged_rows), bool)
        inner[edged_starts] = inner[edged_ends] = False
        edged_rows[inner] = rows
        edged_rows[edged_ends] = self._end
        # The pair of one sentence's END and the next one's START adds nothing: training never sees it.
        pair_tags = self._pair_tags[self._pair_rows(edged_rows[:-1], edged_rows[1:])]

        near = _sums(*self._near(rows, lengths), lengths)
        decision = self.model.bias_tags + scale * (
            _sums(self._word_tags(rows, unknown), starts, lengths)
            + _sums(pair_tags, edged_starts, lengths + 1)
            + np.stack([(near * factors).sum(axis=1) for factors in self._factor_tags], axis=1)
        )
        score: Doubles = 1 / (1 + np.exp(-decision))
        known = self._known_share(rows, unknown, starts, lengths)
        abstained = known < self.model.minimum_known
        tagged = (score >= (self.model.thresholds if threshold is None else threshold)) & ~abstained[:, None]
        dimension, concept = self._topics(rows, near, starts, lengths, scale, tagged)
        return Scores(decision, score, abstained, dimension, concept, tagged)

    def _topics(
        self,
        rows: Ints,
        near: Doubles,
        starts: Longs,
        lengths: Longs,
        scale: Doubles,
        tagged: NDArray[np.bool_],
    ) -> tuple[Ints, Ints]:
        """Choose a dimension on a tagged side for oriented sentences, and a concept for those with leadership."""
        dimension = np.full(len(lengths), -1, np.int32)
        concept = np.full(len(lengths), -1, np.int32)
        oriented = np.flatnonzero(tagged.any(axis=1))
        if not len(oriented):
            return dimension, concept
        kept = np.repeat(tagged.any(axis=1), lengths)
        rows = np.where(rows < len(self.model.vocabulary), rows, 0)[kept]
        lengths = lengths[oriented]
        starts = np.cumsum(lengths) - lengths
        added = _sums(self.model.word_dimensions[rows], starts, lengths) + near[oriented] @ self.model.factor_dimensions
        decision = self.model.bias_dimensions + scale[oriented] * added
        allowed = np.repeat(tagged[oriented], len(Dimension), axis=1)
        dimension[oriented] = np.where(allowed, decision, -np.inf).argmax(axis=1)
        led = tagged[oriented, 0]
        spoken = np.repeat(led, lengths)
        led_lengths = lengths[led]
        spoken_of = _sums(self.model.word_concepts[rows[spoken]], np.cumsum(led_lengths) - led_lengths, led_lengths)
        concept[oriented[led]] = (self.model.bias_concepts + scale[oriented[led]] * spoken_of).argmax(axis=1)
        return dimension, concept

    def _near(self, rows: Ints, lengths: Longs) -> tuple[NDArray[np.float32], Longs]:
        """Return (M, R) what each word comes to with the words before it, as the second of their pairs, and where each sentence starts.

        Before each sentence but the first stand rows of zeros, as many as a pair reaches back, so that none crosses into it.
        """
        reach, nothing = len(self.model.kernel), len(self._left) - 1
        padding = reach * np.arange(1, len(lengths) + 1)
        padded = np.full(len(rows) + reach * len(lengths), nothing, np.int32)
        padded[np.arange(len(rows)) + np.repeat(padding, lengths)] = np.minimum(rows, nothing)
        left, near = self._left[padded], self._right[padded[reach:]]
        before = np.zeros_like(near)
        for distance, weights in enumerate(self.model.kernel, start=1):
            before += left[reach - distance : len(left) - distance] * weights
        near *= before
        return near, np.cumsum(lengths) - lengths + padding - reach

    def _near_halves(self, rows: Ints) -> Doubles:
        """Return (N, 2) what the pairs of near words in one sentence add, half to each word.

        The second word has what is left of the rounded total, so that the halves add up to it.
        """
        near, _ = self._near(rows, np.array([len(rows)]))
        rows = np.minimum(rows, len(self._left) - 1)
        halves, seconds = np.zeros((2, len(rows), len(Side)))
        for distance, weights in enumerate(self.model.kernel[: max(len(rows) - 1, 0)], start=1):
            products = self._left[rows[:-distance]] * weights * self._right[rows[distance:]]
            half = products.astype(np.float64) @ self.model.factor_tags / 2
            halves[:-distance] += half
            seconds[distance:] += half
        rest: Doubles = near.astype(np.float64) @ self.model.factor_tags - seconds
        return halves + rest

    def _known_share(self, rows: Ints, unknown: list[_Unknown], starts: Longs, lengths: Longs) -> Doubles:
        """Return (n,) the share of the words, names and numbers aside, that were seen in training; 1 for a sentence of none."""
        is_word = self._is_word[np.minimum(rows, len(self._is_word) - 1)]
        outside = (rows >= len(self._is_word)).nonzero()[0]
        if len(outside):
            flags = np.array([word.is_word for word in unknown])
            is_word[outside] = flags[rows[outside] - len(self._is_word)]
        is_known = is_word & self._is_known[np.minimum(rows, len(self._is_word))]
        words = _sums(is_word[:, None], starts, lengths)[:, 0]
        found = _sums(is_known[:, None], starts, lengths)[:, 0]
        share: Doubles = np.where(words > 0, found / np.maximum(words, 1), 1)
        return share

    def _rows(self, tokens: list[str]) -> tuple[Ints, list[_Unknown]]:
        """Return the row of each token, and the words outside the table, whose rows count on from V."""
        rows = np.fromiter(map(self._tokens.get, tokens, repeat(-1)), np.int32, len(tokens))
        unknown: list[_Unknown] = []
        local: dict[str, int] = {}
        for position in (rows < 0).nonzero()[0].tolist():
            row = self._look_up(tokens[position])
            if isinstance(row, _Unknown):
                if row.word not in local:
                    local[row.word] = len(self._is_word) + len(unknown)
                    unknown.append(row)
                row = local[row.word]
            rows[position] = row
        return rows, unknown

    def _look_up(self, token: str) -> "int | _Unknown":
        """Return the row of a token that does not stand in the table as it is written, or what its pieces tell of it."""
        if (found := self._rare.get(token)) is None:
            word = normalise(token, self.model.known)
            found = self._index.get(word)
            if found is None:
                found = _Unknown(word, word[0].isalpha(), self.model.unknown_word_tags(word))
            if len(self._rare) >= _RARE_LIMIT:
                self._rare = {}
            self._rare[token] = found
        return found

    def _word_tags(self, rows: Ints, unknown: list[_Unknown]) -> Doubles:
        tags: Doubles = self.model.word_tags[np.minimum(rows, len(self._is_word) - 1)]
        outside = (rows >= len(self._is_word)).nonzero()[0]
        if len(outside):
            tags[outside] = np.array([word.tags for word in unknown])[rows[outside] - len(self._is_word)]
        return tags

    def _pair_rows(self, first: Ints, second: Ints) -> Longs:
        """Return the row of each pair in `_pair_tags`; the last row, of zeros, for pairs that training never saw."""
        size, keys = len(self.model.vocabulary), self.model.pair_keys
        wanted = first.astype(np.int64) * size + second
        wanted[second >= size] = -1  # a word outside the table; as first of a pair it is over every key by itself
        rows = np.searchsorted(keys, wanted)
        rows[keys[np.minimum(rows, len(keys) - 1)] != wanted] = len(keys)
        return rows


def _sums(values: NDArray[np.generic], starts: Longs, lengths: Longs) -> Doubles:
    """Add up rows `starts[i]` to `starts[i] + lengths[i]` for each i, so that no sentence depends on its neighbours.

    What stands between two of them must be zeros: it is added to the first.
    """
    if lengths.all():
        whole: Doubles = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        return whole
    total = np.zeros((len(starts), values.shape[1]))
    filled = lengths.nonzero()[0]
    if len(filled):
        total[filled] = np.add.reduceat(values, starts[filled], axis=0, dtype=np.float64)
    return total
