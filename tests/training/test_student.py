"""The student of the teachers on tables of a few words, worked out again the long way, and the committed tables."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.tokens import END, NAME, PLACEHOLDERS, START
from service.settings import ROOT
from training.embedding import load_embedding
from training.student import PAIRS, TABLES, Student, StudentError, load_student, save_student

DATA = ROOT / "data"
WORDS = ("plan", "people", "inspire", "we", "!")  # a name has no row of its own, only rows with its neighbours
NEIGHBOURS = ((START, "plan"), ("plan", "people"), ("people", END), (NAME, "plan"), ("inspire", "inspire"), (START, END))
REACH, RANK, OUTPUTS = 3, 4, 24


@pytest.fixture(scope="module")
def student() -> Student:
    random = np.random.default_rng(11)

    def table(*shape: int) -> NDArray[np.float32]:
        return random.normal(size=shape).astype(np.float32)

    return Student(
        WORDS,
        NEIGHBOURS,
        word=table(len(WORDS), OUTPUTS),
        pair=table(len(NEIGHBOURS), 2),
        left=table(len(WORDS), RANK),
        right=table(len(WORDS), RANK),
        kernel=table(REACH, RANK),
        factors=table(RANK, OUTPUTS),
        bias=table(OUTPUTS),
    )


@pytest.fixture
def pairless(student: Student) -> Student:
    """The student with nothing to say but of near words."""
    return replace(student, word=np.zeros_like(student.word), pair=np.zeros_like(student.pair))


def documented(student: Student, words: list[str]) -> list[float]:
    """The formula of the class, one number at a time."""
    decision = []
    for output in range(OUTPUTS):
        total = 0.0
        for word in words:
            if word in WORDS:
                total += float(student.word[WORDS.index(word), output])
        for pair in zip([START, *words], [*words, END], strict=True):
            if pair in NEIGHBOURS and output < 2:
                total += float(student.pair[NEIGHBOURS.index(pair), output])
        for j, second in enumerate(words):
            for k in range(1, REACH + 1):
                if j >= k and second in WORDS and (first := words[j - k]) in WORDS:
                    left, right = student.left[WORDS.index(first)], student.right[WORDS.index(second)]
                    total += sum(
                        float(left[r]) * float(student.kernel[k - 1, r]) * float(right[r]) * float(student.factors[r, output])
                        for r in range(RANK)
                    )
        decision.append(float(student.bias[output]) + total / max(len(words), 1) ** 0.5)
    return decision


@pytest.mark.parametrize(
    "sentence",
    ["plan people !", "plan zyx people inspire inspire", f"{NAME} plan people zyx {NAME} people !", "people", "zyx", "zyx qworm", ""],
)
def test_a_decision_is_what_the_formula_says(student: Student, sentence: str) -> None:
    words = sentence.split()
    assert student.decision_function([words])[0] == pytest.approx(documented(student, words), abs=1e-12)


def test_sentences_are_judged_one_by_one(student: Student) -> None:
    sentences = [["plan", "people"], [], ["people"], ["zyx", "inspire", "people", "!"]]
    together = student.decision_function(sentences)
    assert together.shape == (4, OUTPUTS)
    for row, words in enumerate(sentences):
        assert (student.decision_function([words])[0] == together[row]).all()
    assert student.decision_function([]).shape == (0, OUTPUTS)


def test_words_pair_up_to_the_reach_and_not_beyond(pairless: Student) -> None:
    for apart in range(1, REACH + 1):
        near = pairless.decision_function([["plan", *["zyx"] * (apart - 1), "people"]])[0]
        brought = pairless.left[0].astype(np.float64) * pairless.kernel[apart - 1] * pairless.right[1] @ pairless.factors
        assert np.abs(brought).min() > 1e-3
        assert near == pytest.approx(pairless.bias + brought / np.sqrt(apart + 1), abs=1e-12)
    far = pairless.decision_function([["plan", *["zyx"] * REACH, "people"]])[0]
    assert (far == pairless.bias).all()


def test_the_order_of_near_words_matters(pairless: Student) -> None:
    one, other = pairless.decision_function([["plan", "people"], ["people", "plan"]])
    assert np.abs(one - other).min() > 1e-3


def test_what_is_saved_is_loaded_to_16_bits(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path / "student")
    loaded = load_student(tmp_path / "student", WORDS)
    assert (loaded.words, loaded.pairs) == (student.words, student.pairs)
    for field in fields(Student)[2:]:
        was, now = getattr(student, field.name), getattr(loaded, field.name)
        assert now.dtype == np.float32
        np.testing.assert_allclose(now, was, rtol=2**-11, atol=2**-25)  # half a step of a 16-bit number
    save_student(loaded, tmp_path / "again")
    again = load_student(tmp_path / "again", WORDS)
    assert all((getattr(again, field.name) == getattr(loaded, field.name)).all() for field in fields(Student)[2:])


@pytest.mark.parametrize("missing", [PAIRS, TABLES])
def test_a_missing_file_is_named(student: Student, tmp_path: Path, missing: str) -> None:
    save_student(student, tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(StudentError, match=rf"the student's tables cannot be read .*{missing}"):
        load_student(tmp_path, WORDS)


def test_a_missing_table_is_named(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    np.savez(tmp_path / TABLES, word=student.word, pair=student.pair)
    with pytest.raises(StudentError, match=r"the student's tables cannot be read .*left"):
        load_student(tmp_path, WORDS)


def test_a_line_that_is_no_pair_is_refused(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    (tmp_path / PAIRS).write_text("plan people now\n")
    with pytest.raises(StudentError, match="the student's tables cannot be read"):
        load_student(tmp_path, WORDS)


@pytest.mark.parametrize("name", ["left", "right", "kernel", "factors", "bias"])
def test_a_table_of_another_shape_is_refused(student: Student, tmp_path: Path, name: str) -> None:
    save_student(student, tmp_path)
    with np.load(tmp_path / TABLES) as stored:
        tables = dict(stored)
    tables[name] = tables[name][..., :-1] if name == "kernel" else tables[name][:-1]
    np.savez_compressed(tmp_path / TABLES, **tables)
    with pytest.raises(StudentError, match="has the shape"):
        load_student(tmp_path, student.words)


def test_a_damaged_file_is_refused(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    whole = (tmp_path / TABLES).read_bytes()
    for damaged in (b"", whole[: len(whole) // 2]):
        (tmp_path / TABLES).write_bytes(damaged)
        with pytest.raises(StudentError, match="the student's tables cannot be read"):
            load_student(tmp_path, student.words)


def test_tables_of_other_words_or_pairs_are_refused(student: Student, tmp_path: Path) -> None:
    save_student(student, tmp_path)
    with pytest.raises(StudentError, match=r"the table word has the shape \(5, 24\), expected \(4, 24\)"):
        load_student(tmp_path, WORDS[:-1])
    (tmp_path / PAIRS).write_text("plan people\n")
    with pytest.raises(StudentError, match=r"the table pair has the shape \(6, 2\), expected \(1, 2\)"):
        load_student(tmp_path, WORDS)


def test_the_committed_tables_are_those_of_the_committed_words() -> None:
    words = load_embedding(DATA / "embedding").words
    student = load_student(DATA / "student", words)
    reach, rank = student.kernel.shape
    shapes = {field.name: getattr(student, field.name).shape for field in fields(Student)[2:]}
    assert shapes == {
        "word": (len(words), OUTPUTS),
        "pair": (len(student.pairs), 2),
        "left": (len(words), rank),
        "right": (len(words), rank),
        "kernel": (reach, rank),
        "factors": (rank, OUTPUTS),
        "bias": (OUTPUTS,),
    }
    assert all(np.isfinite(getattr(student, name)).all() for name in shapes)
    assert len(student.pair_row) == len(student.pairs)
    assert PLACEHOLDERS.isdisjoint(words)
    assert not [pair for pair in student.pairs if PLACEHOLDERS.issuperset(pair)]
    lead, manage = student.decision_function(
        ["win the regions over to a way of working that nobody has tried yet .".split(), "prepare the annual budget .".split()]
    )
    assert lead[0] > lead[1]
    assert manage[1] > manage[0]
