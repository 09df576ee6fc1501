from libc.stdint cimport int32_t, uint8_t, uint32_t


cdef class Tokens:
    cdef int32_t[::1] rows  # they count on from `Lexicon.size` for words outside the table, whose contributions are in `outside`
    cdef int32_t[::1] starts, ends  # offsets in the sentence
    cdef double[:, ::1] outside
    cdef uint8_t[::1] outside_is_word
    cdef Py_ssize_t count, outsiders

    cdef int _make_room(self, Py_ssize_t characters) except -1


cdef class Lexicon:
    cdef object look_up
    cdef const uint8_t[::1] cased
    cdef int32_t size, name, number
    cdef int32_t[::1] slots, spelling_starts
    cdef const uint32_t[::1] spelling

    cdef int _index(self, words) except -1
    cdef int read(self, text, Tokens tokens) except -1
    cdef int32_t _find(self, int width, void* data, Py_ssize_t start, Py_ssize_t end, uint32_t key) noexcept
    cdef int32_t _ask(self, token, Tokens tokens) except -1
