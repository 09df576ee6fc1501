# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The sums of the tagger, compiled: from the rows of a sentence's words to its decisions, and back to what each word added.

Tables are only read, and what a call works with is its own, so one kernel serves any number of threads.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport exp, sqrt
from libc.stdint cimport int32_t, uint8_t

from model.lexicon cimport Lexicon, Tokens

import numpy as np

from model.labels import Dimension
from model.tokens import END, PLACEHOLDERS, START

cdef Py_ssize_t _TURN = 1024  # sentences, some milliseconds, after which other threads and an interrupt have their turn


@cython.final
cdef class Sums:
    """The sums over the words of one sentence at a time."""

    cdef float[::1] before
    cdef double[::1] near, dimensions, concepts

    def __cinit__(self, Py_ssize_t rank, Py_ssize_t dimensions, Py_ssize_t concepts):
        self.before, self.near = np.empty(rank, np.float32), np.empty(rank)
        self.dimensions, self.concepts = np.empty(dimensions), np.empty(concepts)


@cython.final
cdef class Kernel:
    """Scores and explains sentences with the tables of a folded model.

    Args:
        model: a `model.folded.FoldedModel`.
        look_up: gives the `model.tagger.Word` of a token that `Lexicon` does not find by itself.
    """

    cdef Lexicon lexicon
    cdef const uint8_t[::1] is_word
    cdef int32_t[::1] pair_starts
    cdef const int32_t[::1] pair_second
    cdef const double[:, ::1] word_tags, pair_tags, factor_tags
    cdef const float[:, ::1] word_dimensions, word_concepts, left, right, distances, factor_dimensions
    cdef const double[::1] bias_tags
    cdef const float[::1] bias_dimensions, bias_concepts
    cdef double minimum_known
    cdef int32_t vocabulary, placeholders, start, end
    cdef Py_ssize_t rank, reach, side_dimensions

    def __cinit__(self, model, look_up):
        words = model.vocabulary
        self.lexicon = Lexicon(model, look_up)
        self.vocabulary, self.placeholders = len(words), len(PLACEHOLDERS)
        self.start, self.end = words.index(START), words.index(END)
        self.is_word = np.array([word[0].isalpha() for word in words], np.uint8)
        self.pair_starts = np.searchsorted(model.pair_first, np.arange(len(words) + 1)).astype(np.int32)
        self.pair_second = model.pair_second
        self.word_tags, self.pair_tags, self.factor_tags = model.word_tags, model.pair_tags, model.factor_tags
        self.word_dimensions, self.word_concepts = model.word_dimensions, model.word_concepts
        self.left, self.right, self.distances, self.factor_dimensions = model.left, model.right, model.kernel, model.factor_dimensions
        self.bias_tags, self.bias_dimensions, self.bias_concepts = model.bias_tags, model.bias_dimensions, model.bias_concepts
        self.minimum_known = model.minimum_known
        self.reach, self.rank = model.kernel.shape
        self.side_dimensions = len(Dimension)

    def score(self, sentences, double leadership, double management):
        """Score n sentences, each tag given from its threshold on.

        Returns (n, 2) decisions, (n, 2) scores, (n,) abstentions, (n,) dimensions, (n,) concepts and (n, 2) tags, as in `model.tagger.Scores`.
        """
        cdef list texts = list(sentences)
        cdef Py_ssize_t n = len(texts), i
        decision, score, tagged = np.empty((n, 2)), np.empty((n, 2)), np.empty((n, 2), np.bool_)
        abstained, dimension, concept = np.empty(n, np.bool_), np.empty(n, np.int32), np.empty(n, np.int32)
        cdef double[:, ::1] decisions = decision, scores = score
        cdef uint8_t[:, ::1] tags = tagged.view(np.uint8)
        cdef uint8_t[::1] abstentions = abstained.view(np.uint8)
        cdef int32_t[::1] dimensions = dimension, concepts = concept
        cdef Tokens tokens = Tokens()
        cdef Sums sums = self._sums()
        for i in range(n):
            self.lexicon.read(texts[i], tokens)
            self._decide(tokens, sums, &decisions[i, 0])
            scores[i, 0], scores[i, 1] = 1 / (1 + exp(-decisions[i, 0])), 1 / (1 + exp(-decisions[i, 1]))
            abstentions[i] = self._known_share(tokens) < self.minimum_known
            tags[i, 0] = scores[i, 0] >= leadership and not abstentions[i]
            tags[i, 1] = scores[i, 1] >= management and not abstentions[i]
            dimensions[i] = self._dimension(tokens, sums, tags[i, 0], tags[i, 1]) if tags[i, 0] or tags[i, 1] else -1
            concepts[i] = self._concept(tokens, sums) if tags[i, 0] else -1
            if i % _TURN == _TURN - 1:
                PyErr_CheckSignals()
                with nogil:
                    pass
        return decision, score, abstained, dimension, concept, tagged

    def explain(self, sentence):
        """Return (m, 2) offsets of the tokens of a sentence, and (m, 2) what each adds to the decisions, all pairs shared out."""
        cdef Tokens tokens = Tokens()
        self.lexicon.read(sentence, tokens)
        added = np.zeros((tokens.count, 2))
        cdef double[:, ::1] contributions = added
        if tokens.count:
            self._share(tokens, self._sums(), contributions)
        return np.stack([tokens.starts[: tokens.count], tokens.ends[: tokens.count]], axis=1), added

    cdef Sums _sums(self):
        return Sums(self.rank, self.bias_dimensions.shape[0], self.bias_concepts.shape[0])

    cdef inline const double* _word(self, Tokens tokens, Py_ssize_t token) noexcept:
        cdef int32_t row = tokens.rows[token]
        return &self.word_tags[row, 0] if row < self.vocabulary else &tokens.outside[row - self.vocabulary, 0]

    cdef const double* _pair(self, int32_t first, int32_t second) noexcept:
        """Return what a neighbouring pair adds, NULL where training never saw it."""
        if first >= self.vocabulary or second >= self.vocabulary:
            return NULL
        cdef Py_ssize_t low = self.pair_starts[first], high = self.pair_starts[first + 1], middle
        while low < high:
            middle = (low + high) // 2
            if self.pair_second[middle] < second:
                low = middle + 1
            else:
                high = middle
        return &self.pair_tags[low, 0] if low < self.pair_starts[first + 1] and self.pair_second[low] == second else NULL

    cdef bint _meet(self, Tokens tokens, Sums sums, Py_ssize_t token) noexcept:
        """Set `sums.before` to what a token comes to as the second of its pairs with the words before it; False if it comes to nothing."""
        cdef Py_ssize_t distance, factor, rank = self.rank
        cdef int32_t row = tokens.rows[token], earlier
        cdef float* before = &sums.before[0]
        cdef const float* brought
        cdef const float* weights
        if row >= self.vocabulary:
            return False
        for factor in range(rank):
            before[factor] = 0
        for distance in range(1, min(self.reach, token) + 1):
            earlier = tokens.rows[token - distance]
            if earlier < self.vocabulary:
                brought, weights = &self.left[earlier, 0], &self.distances[distance - 1, 0]
                for factor in range(rank):
                    before[factor] += brought[factor] * weights[factor]
        brought = &self.right[row, 0]
        for factor in range(rank):
            before[factor] *= brought[factor]
        return True

    cdef void _decide(self, Tokens tokens, Sums sums, double* decision) noexcept:
        """Add up the decisions of both tags, and leave the sums over pairs of near words in `sums.near` for the dimensions."""
        cdef Py_ssize_t token, factor
        cdef int32_t previous = self.start, row
        cdef const double* added
        cdef double leadership = 0, management = 0
        cdef double* near = &sums.near[0]
        cdef float* before = &sums.before[0]
        for factor in range(self.rank):
            near[factor] = 0
        for token in range(tokens.count):
            row = tokens.rows[token]
            added = self._word(tokens, token)
            leadership += added[0]
            management += added[1]
            added = self._pair(previous, row)
            if added != NULL:
                leadership += added[0]
                management += added[1]
            if self._meet(tokens, sums, token):
                for factor in range(self.rank):
                    near[factor] += before[factor]
            previous = row
        added = self._pair(previous, self.end)
        if added != NULL:
            leadership += added[0]
            management += added[1]
        for factor in range(self.rank):
            leadership += near[factor] * self.factor_tags[factor, 0]
            management += near[factor] * self.factor_tags[factor, 1]
        decision[0] = self.bias_tags[0] + leadership / sqrt(max(tokens.count, 1))
        decision[1] = self.bias_tags[1] + management / sqrt(max(tokens.count, 1))

    cdef double _known_share(self, Tokens tokens) noexcept:
        """Return the share of the words, names and numbers aside, that were seen in training; 1 for a sentence of none."""
        cdef Py_ssize_t token, words = 0, known = 0
        cdef int32_t row
        for token in range(tokens.count):
            row = tokens.rows[token]
            if row < self.vocabulary:
                words += self.is_word[row]
                known += self.is_word[row] and self.lexicon.cased[row]
            else:
                words += tokens.outside_is_word[row - self.vocabulary]
        return known / <double>words if words else 1

    cdef int32_t _dimension(self, Tokens tokens, Sums sums, bint leadership, bint management) noexcept:
        """Return the side and dimension with the highest decision, among those of the tags given."""
        cdef Py_ssize_t token, factor, k, first = 0 if leadership else self.side_dimensions
        cdef Py_ssize_t last = 2 * self.side_dimensions if management else self.side_dimensions
        cdef double* total = &sums.dimensions[0]
        cdef const float* row
        for k in range(first, last):
            total[k] = 0
        for token in range(tokens.count):
            if tokens.rows[token] < self.vocabulary:
                row = &self.word_dimensions[tokens.rows[token], 0]
                for k in range(first, last):
                    total[k] += row[k]
        for factor in range(self.rank):
            row = &self.factor_dimensions[factor, 0]
            for k in range(first, last):
                total[k] += sums.near[factor] * row[k]
        return _highest(total, &self.bias_dimensions[0], first, last, sqrt(max(tokens.count, 1)))

    cdef int32_t _concept(self, Tokens tokens, Sums sums) noexcept:
        """Return the concept with the highest decision."""
        cdef Py_ssize_t token, k, concepts = sums.concepts.shape[0]
        cdef double* total = &sums.concepts[0]
        cdef const float* row
        for k in range(concepts):
            total[k] = 0
        for token in range(tokens.count):
            if tokens.rows[token] < self.vocabulary:
                row = &self.word_concepts[tokens.rows[token], 0]
                for k in range(concepts):
                    total[k] += row[k]
        return _highest(total, &self.bias_concepts[0], 0, concepts, sqrt(max(tokens.count, 1)))

    cdef void _share(self, Tokens tokens, Sums sums, double[:, ::1] added) noexcept:
        """Share out what words and pairs add among the tokens, as `model.tagger.Tagger.explain` says."""
        cdef Py_ssize_t token, count = tokens.count, distance, factor, side
        cdef int32_t first, second
        cdef const double* tags
        cdef double total, half, root = sqrt(count)
        cdef float product
        for token in range(count + 1):
            first = tokens.rows[token - 1] if token else self.start
            second = tokens.rows[token] if token < count else self.end
            tags = self._pair(first, second)
            for side in range(2):
                if token < count:
                    added[token, side] += self._word(tokens, token)[side]
                if tags == NULL:
                    continue
                if token == count or (second < self.placeholders <= first):
                    added[token - 1, side] += tags[side]
                elif first < self.placeholders:
                    added[token, side] += tags[side]
                else:
                    added[token - 1, side] += tags[side] / 2
                    added[token, side] += tags[side] / 2
        for token in range(count):
            if not self._meet(tokens, sums, token):
                continue
            for side in range(2):
                # The second word has what the first ones leave of the rounded total, so that all add up to it.
                total = 0
                for factor in range(self.rank):
                    total += sums.before[factor] * self.factor_tags[factor, side]
                for distance in range(1, min(self.reach, token) + 1):
                    first = tokens.rows[token - distance]
                    if first >= self.vocabulary:
                        continue
                    half = 0
                    for factor in range(self.rank):
                        product = self.left[first, factor] * self.distances[distance - 1, factor] * self.right[tokens.rows[token], factor]
                        half += product * self.factor_tags[factor, side] / 2
                    added[token - distance, side] += half
                    total -= half
                added[token, side] += total
        for token in range(count):
            for side in range(2):
                added[token, side] /= root


cdef inline int32_t _highest(const double* totals, const float* biases, Py_ssize_t first, Py_ssize_t last, double root) noexcept:
    """Return the first of the highest decisions `bias + total / root`."""
    cdef Py_ssize_t k
    cdef int32_t best = first
    for k in range(first + 1, last):
        if biases[k] + totals[k] / root > biases[best] + totals[best] / root:
            best = k
    return best
