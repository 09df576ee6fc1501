"""The compiled code against the same in plain Python."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.folded import FoldedModel
from model.kernel import Kernel
from model.labels import Dimension, Side
from model.tagger import Tagger, Word, Words
from model.tokens import PLACEHOLDERS, TOKEN, bigrams, normalise, tokenise, vocabulary_forms

WORDS = "the plan THE Plan Ana Ana's don't don’t budget Budget 2nd 14:30 1,000.5 café CAFÉ naïve ² ½ x_y – “ ’ … • A. zyxqw Ⓐ ߁ ı İ"
BETWEEN = [" ", "\n", ".", "'", "’", "\u00a0", "\x1f", "\ufeff", "/"]
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS.split()), st.sampled_from(BETWEEN), st.text(max_size=8)), max_size=30).map("".join)


Rows = dict[str, int]
Pairs = dict[tuple[int, int], np.ndarray]


@pytest.fixture(scope="module")
def model(tagger: Tagger) -> FoldedModel:
    return tagger.model


@pytest.fixture(scope="module")
def kernel(model: FoldedModel) -> Kernel:
    return Kernel(model, Words(model).look_up)


@pytest.fixture(scope="module")
def rows(model: FoldedModel) -> Rows:
    return {word: row for row, word in enumerate(model.vocabulary)}


@pytest.fixture(scope="module")
def pairs(model: FoldedModel) -> Pairs:
    return dict(zip(zip(model.pair_first.tolist(), model.pair_second.tolist(), strict=True), model.pair_tags, strict=True))


def spans(text: str) -> list[list[int]]:
    return [list(match.span()) for match in TOKEN.finditer(text)]


def test_characters_are_cut_as_by_the_expression(model: FoldedModel) -> None:
    kernel = Kernel(model, lambda _: Word(-1, False, 0.0, 0.0))
    codes = [*range(0x20000), *range(0x20000, 0x110000, 0x101)]  # nearly all that have a meaning, then a few of every kind
    for first in range(0, len(codes), 0x4000):
        text = "".join(f"a{chr(code)}b 1{chr(code)}2 {chr(code)}{chr(code)} " for code in codes[first : first + 0x4000])
        assert kernel.explain(text)[0].tolist() == spans(text)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_text_is_cut_as_by_the_expression(kernel: Kernel, text: str) -> None:
    assert kernel.explain(text)[0].tolist() == spans(text)


def test_every_word_is_found_by_its_spelling(model: FoldedModel) -> None:
    def refuse(token: str) -> Word:
        raise AssertionError(f"{token!r} was asked for")

    words = [word for word in model.vocabulary if word.isascii() and TOKEN.fullmatch(word)]
    assert len(words) > 0.9 * len(model.vocabulary)
    Kernel(model, refuse).score(words, 0.5, 0.5)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_decisions_are_the_sums_of_the_tables(kernel: Kernel, model: FoldedModel, rows: Rows, pairs: Pairs, text: str) -> None:
    decision, score, abstained, dimension, concept, tagged = (column[0] for column in kernel.score([text], 0.3, 0.4))
    added, dimensions, concepts = by_hand(model, rows, pairs, text)
    assert decision == pytest.approx(model.bias_tags + added, abs=1e-6)  # pairs of near words are in single precision
    assert score == pytest.approx(1 / (1 + np.exp(-decision)), abs=1e-12)
    words = [normalise(token, model.known) for token in tokenise(text) if token[0].isalpha()]
    words = [word for word in words if word[0] != "<"]
    known = sum(word in model.known for word in words) / len(words) if words else 1.0
    assert abstained == (known < model.minimum_known)
    assert tagged.tolist() == ([False, False] if abstained else [score[0] >= 0.3, score[1] >= 0.4])
    allowed = np.repeat(tagged, len(Dimension))
    if tagged.any():
        assert dimensions[dimension] == pytest.approx(dimensions[allowed].max(), abs=1e-4)
        assert allowed[dimension]
    else:
        assert dimension == -1
    assert concepts[concept] == pytest.approx(concepts.max(), abs=1e-4) if tagged[0] else concept == -1


def by_hand(model: FoldedModel, rows: Rows, pairs: Pairs, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What all words and pairs add to the tags, and the decisions for dimensions and concepts, as `FoldedModel` describes them."""
    forms = vocabulary_forms(text, model.known)
    tags, dimensions, concepts = np.zeros(len(Side)), np.zeros(len(model.bias_dimensions)), np.zeros(len(model.bias_concepts))
    for word in forms:
        if word in rows:
            tags += model.word_tags[rows[word]]
            dimensions += model.word_dimensions[rows[word]]
            concepts += model.word_concepts[rows[word]]
        else:
            tags += model.unknown_word_tags(word)
    for first, second in bigrams(forms):
        if first in rows and second in rows:
            tags += pairs.get((rows[first], rows[second]), 0.0)
    for _, _, product in near_pairs(model, rows, forms):
        tags += product @ model.factor_tags
        dimensions += product @ model.factor_dimensions
    root = np.sqrt(max(len(forms), 1))
    return tags / root, model.bias_dimensions + dimensions / root, model.bias_concepts + concepts / root


def near_pairs(model: FoldedModel, rows: Rows, forms: list[str]) -> Iterator[tuple[int, int, np.ndarray]]:
    """The places of every two words near each other, and the (R,) products of what they bring."""
    for second, word in enumerate(forms):
        for first, weights in zip(range(second - 1, -1, -1), model.kernel, strict=False):
            if word in rows and forms[first] in rows:
                yield first, second, model.left[rows[forms[first]]] * weights * model.right[rows[word]]


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_pairs_are_shared_out_by_halves(kernel: Kernel, model: FoldedModel, rows: Rows, pairs: Pairs, text: str) -> None:
    forms = vocabulary_forms(text, model.known)
    added = np.array([model.word_tags[rows[word]] if word in rows else model.unknown_word_tags(word) for word in forms]).reshape(-1, 2)
    for place, (left, right) in enumerate(bigrams(forms), start=-1):  # of the first word, -1 for the edge at the start
        pair = pairs.get((rows.get(left, -1), rows.get(right, -1)))
        if pair is None:
            continue
        takers = [at for at, word in ((place, left), (place + 1, right)) if word not in PLACEHOLDERS]
        for at in takers:
            added[at] += pair / len(takers)
    for first, second, product in near_pairs(model, rows, forms):
        added[[first, second]] += product @ model.factor_tags / 2
    assert kernel.explain(text)[1] == pytest.approx(added / np.sqrt(max(len(forms), 1)), abs=1e-6)


def test_explanations_add_up_to_the_decision(kernel: Kernel, model: FoldedModel) -> None:
    text = "Ana's team don’t plan the budget of 1,000 zyxqws – the café's Vision, “win people over” by Friday."
    decision = kernel.score([text], 0.5, 0.5)[0][0]
    assert model.bias_tags + kernel.explain(text)[1].sum(axis=0) == pytest.approx(decision, abs=1e-12)


@pytest.mark.parametrize("sentences", [["Plan the work", None], ["Plan the work", b"bytes"], [3]])
def test_what_is_no_string_is_refused(kernel: Kernel, sentences: list[str]) -> None:
    with pytest.raises(TypeError, match="a sentence is a string, not"):
        kernel.score(sentences, 0.5, 0.5)


def test_what_a_look_up_raises_comes_out(model: FoldedModel) -> None:
    def fail(token: str) -> Word:
        raise RuntimeError("no such word")

    with pytest.raises(RuntimeError, match="no such word"):
        Kernel(model, fail).score(["Plan the zyxqw budget"], 0.5, 0.5)
    with pytest.raises(ValueError, match=f"the row {len(model.vocabulary)} of a table of {len(model.vocabulary)}"):
        Kernel(model, lambda _: Word(len(model.vocabulary), True, 0.0, 0.0)).score(["Plan the zyxqw budget"], 0.5, 0.5)


def test_strings_of_a_subclass_are_strings(kernel: Kernel) -> None:
    plain, other = (kernel.score([text], 0.5, 0.5) for text in ("Plan the budget.", np.str_("Plan the budget.")))
    assert all(map(np.array_equal, plain, other))
