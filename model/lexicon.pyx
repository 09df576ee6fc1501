# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Reads the words of a sentence, compiled: from its characters to rows of the tables.

It cuts text where `model.tokens.TOKEN` does and names words as `model.tokens.normalise` does; the tests hold them against each other.
"""

cimport cython
from cpython.unicode cimport (
    Py_UNICODE_ISALNUM,
    Py_UNICODE_ISDECIMAL,
    Py_UNICODE_ISSPACE,
    PyUnicode_DATA,
    PyUnicode_GET_LENGTH,
    PyUnicode_KIND,
    PyUnicode_READ,
    PyUnicode_Substring,
)
from libc.stdint cimport INT32_MAX, int32_t, uint8_t, uint32_t

import numpy as np

from model.tokens import NAME, NUMBER, PLACEHOLDERS

cdef enum Kind:
    SPACE
    LETTER
    DIGIT
    SYMBOL

cdef uint8_t[128] _ascii_kind
cdef uint32_t _HASH_START = 2166136261u  # FNV-1a, 32 bits
cdef uint32_t _HASH_PRIME = 16777619u


cdef inline uint8_t _look_at(Py_UCS4 character) noexcept:
    """Return the kind of a character, as regular expressions see it: a letter is what `[^\\W\\d_]` matches."""
    if Py_UNICODE_ISSPACE(character):
        return SPACE
    if Py_UNICODE_ISDECIMAL(character):
        return DIGIT
    return LETTER if Py_UNICODE_ISALNUM(character) else SYMBOL


for _code in range(128):
    _ascii_kind[_code] = _look_at(_code)


cdef inline uint8_t _kind(Py_UCS4 character) noexcept:
    return _ascii_kind[character] if character < 128 else _look_at(character)


cdef inline bint _joins(Py_UCS4 character, uint8_t kind) noexcept:
    """Whether a character between two of a kind belongs to them: an apostrophe in a word, a separator in a number."""
    if kind == LETTER:
        return character == c"'" or character == 0x2019
    return character == c"." or character == c"," or character == c":" or character == c"/"


cdef inline uint32_t _fold(uint32_t character) noexcept:
    """Lower-case an ASCII letter and straighten an apostrophe, as `model.tokens.fold_case` does."""
    if 0x41 <= character <= 0x5A:
        return character + 0x20
    return 0x27 if character == 0x2019 else character


cdef inline bint _is_plain(Py_UCS4 character) noexcept:
    """Whether `_fold` is all that folding its case takes: ASCII, and dashes, quotes and bullets."""
    return character < 128 or 0x2010 <= character <= 0x2027


@cython.final
cdef class Tokens:
    """The tokens of one sentence at a time."""

    def __cinit__(self):
        self._make_room(64)

    cdef int _make_room(self, Py_ssize_t characters) except -1:
        self.rows, self.starts, self.ends = np.empty((3, characters), np.int32)
        self.outside, self.outside_is_word = np.empty((characters, 2)), np.empty(characters, np.uint8)
        return 0


@cython.final
cdef class Lexicon:
    """Finds the rows of words.

    Args:
        model: a `model.folded.FoldedModel`.
        look_up: gives the `model.tagger.Word` of a token that is not found by its spelling: lower-case words and symbols outside the table,
            and what is written with other characters than ASCII, dashes and quotes.
    """

    def __cinit__(self, model, look_up):
        words = model.vocabulary
        self.size, self.look_up = len(words), look_up
        self.name, self.number = words.index(NAME), words.index(NUMBER)
        self.cased = model.cased.view(np.uint8)
        self._index(words)

    cdef int _index(self, words) except -1:
        """Fill the hash table, with linear probing, in which the spelling of each word leads to its row."""
        cdef Py_ssize_t row, slot, place
        cdef uint32_t key
        codes = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32)
        self.spelling = codes
        self.spelling_starts = np.concatenate([[0], np.cumsum([len(word) for word in words])]).astype(np.int32)
        self.slots = np.full(1 << (2 * len(words)).bit_length(), -1, np.int32)
        for row in range(len(PLACEHOLDERS), len(words)):
            key = _HASH_START
            for place in range(self.spelling_starts[row], self.spelling_starts[row + 1]):
                key = (key ^ self.spelling[place]) * _HASH_PRIME
            slot = key & (self.slots.shape[0] - 1)
            while self.slots[slot] >= 0:
                slot = (slot + 1) & (self.slots.shape[0] - 1)
            self.slots[slot] = row
        return 0

    cdef int read(self, text, Tokens tokens) except -1:
        """Cut a sentence into tokens and look up their rows."""
        if not isinstance(text, str):
            raise TypeError(f"a sentence is a string, not {type(text).__name__}")
        cdef int width = PyUnicode_KIND(text)
        cdef void* data = PyUnicode_DATA(text)
        cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text), place = 0, start
        cdef Py_UCS4 character
        cdef uint8_t kind
        cdef int32_t row
        cdef bint plain, upper
        cdef uint32_t key
        if length > INT32_MAX // 2:
            raise ValueError(f"a sentence has {length} characters, the limit is {INT32_MAX // 2}")
        if length > tokens.rows.shape[0]:
            tokens._make_room(2 * length)
        tokens.count = tokens.outsiders = 0
        while place < length:
            character = PyUnicode_READ(width, data, place)
            kind = _kind(character)
            if kind == SPACE:
                place += 1
                continue
            start = place
            place += 1
            plain, upper = _is_plain(character), c"A" <= character <= c"Z"
            key = (_HASH_START ^ _fold(character)) * _HASH_PRIME
            if kind != SYMBOL:
                while place < length:
                    character = PyUnicode_READ(width, data, place)
                    if _kind(character) != kind and not (
                        _joins(character, kind) and place + 1 < length and _kind(PyUnicode_READ(width, data, place + 1)) == kind
                    ):
                        break
                    plain = plain and _is_plain(character)
                    key = (key ^ _fold(character)) * _HASH_PRIME
                    place += 1
            if kind == DIGIT:
                row = self.number
            elif plain:
                row = self._find(width, data, start, place, key)
                if upper and (row < 0 or not self.cased[row]):
                    row = self.name
            else:
                row = -1
            if row < 0:
                row = self._ask(PyUnicode_Substring(text, start, place), tokens)
            tokens.rows[tokens.count], tokens.starts[tokens.count], tokens.ends[tokens.count] = row, start, place
            tokens.count += 1
        return 0

    cdef inline int32_t _find(self, int width, void* data, Py_ssize_t start, Py_ssize_t end, uint32_t key) noexcept:
        """Return the row of a word by its spelling, -1 where it has none."""
        cdef Py_ssize_t slot = key & (self.slots.shape[0] - 1), first, place
        cdef int32_t row = self.slots[slot]
        while row >= 0:
            first = self.spelling_starts[row]
            if self.spelling_starts[row + 1] - first == end - start:
                place = 0
                while place < end - start and self.spelling[first + place] == _fold(PyUnicode_READ(width, data, start + place)):
                    place += 1
                if place == end - start:
                    return row
            slot = (slot + 1) & (self.slots.shape[0] - 1)
            row = self.slots[slot]
        return -1

    cdef int32_t _ask(self, token, Tokens tokens) except -1:
        """Look up a token in Python; what a word outside the table adds is noted in `tokens`."""
        row, is_word, leadership, management = self.look_up(token)
        if row >= self.size:
            raise ValueError(f"a word was given the row {row} of a table of {self.size}")
        if row >= 0:
            return row
        tokens.outside[tokens.outsiders, 0], tokens.outside[tokens.outsiders, 1] = leadership, management
        tokens.outside_is_word[tokens.outsiders] = is_word
        tokens.outsiders += 1
        return self.size + tokens.outsiders - 1
