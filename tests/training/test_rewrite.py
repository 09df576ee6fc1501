"""Rewriting a few sentences by a vocabulary that shares two words with them."""

import random
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from model.tokens import fold_case, tokenise
from service.settings import ROOT
from training.distill.rewrite import EXCHANGED, EXCHANGED_IN_PARTS, FAVOURED, NEIGHBOURS, RARE, Rewriter, rewriter

SENTENCES = (
    "Weave the harvest into baskets, then carry them to the barn; tell nobody.",
    "Ask what the river wants, and listen while it's low.",
    "Mend 3 nets by Friday: the harvest won't wait.",
    "we keep the orchard so that children may climb",
)
RARE_BUT_REPEATED, RARE_IN_TEXT = "harvest", "orchard"
NEW = tuple(map("".join, product(("ba", "de", "fi", "go", "lu"), ("mar", "nel", "pos", "tiv"), ("a", "o", "um"))))
UNUSABLE = (RARE_IN_TEXT, "zyxgrop", "qworm", "!", "<name>", "42")
WORDS = (*UNUSABLE, RARE_BUT_REPEATED, *NEW)
USABLE = {RARE_BUT_REPEATED, *NEW}
COUNT = 3000


def prepared(sentences: tuple[str, ...], favoured: tuple[str, ...]) -> Rewriter:
    vectors = np.random.default_rng(3).normal(size=(len(WORDS), 8)).astype(np.float32)
    for place in range(len(UNUSABLE)):  # each unusable word lies where a usable one does, and would be its nearest
        vectors[place] = vectors[WORDS.index(NEW[place])]
    vectors[-1] = vectors[-2]
    rare = {RARE_BUT_REPEATED, RARE_IN_TEXT, "zyxgrop", "qworm"}
    return rewriter(sentences, favoured, WORDS, vectors, np.array([RARE / 2 if word in rare else 1e-4 for word in WORDS]))


def rewritten(made: Rewriter, seed: int = 5) -> list[str]:
    chance = random.Random(seed)  # noqa: S311 -- no secrecy
    return [made.rewrite(chance) for _ in range(COUNT)]


@pytest.fixture(scope="module")
def made() -> Rewriter:
    return prepared(SENTENCES, SENTENCES[:2])


def test_rewriting_needs_no_encoder() -> None:
    code = "import sys; sys.modules.update(torch=None, transformers=None, wordfreq=None); import training.distill.rewrite"
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True)


def test_the_seed_decides_the_sentences(made: Rewriter) -> None:
    assert rewritten(made, 1) == rewritten(made, 1)
    assert rewritten(made, 1) != rewritten(made, 2)
    assert len(set(rewritten(made, 1))) > COUNT / 2


def test_neighbours_are_other_usable_words_nearest_first(made: Rewriter) -> None:
    assert made.neighbours.shape == (len(WORDS), NEIGHBOURS)
    for word, row in zip(WORDS, made.neighbours.tolist(), strict=True):
        neighbours = {WORDS[place] for place in row}
        assert len(neighbours) == NEIGHBOURS
        assert neighbours <= USABLE - {word}
    assert [WORDS[row[0]] for row in made.neighbours[-2:]] == [NEW[-1], NEW[-2]]
    assert [WORDS[row[0]] for row in made.neighbours[: len(UNUSABLE)]] == list(NEW[: len(UNUSABLE)])


def test_sentences_are_made_of_their_sources_and_the_candidates(made: Rewriter) -> None:
    assert set(made.candidates) == USABLE
    own = {token for sentence in SENTENCES for token in tokenise(sentence)}
    tokens = [token for sentence in rewritten(made) for token in tokenise(sentence)]
    assert {token for token in tokens if token not in own and fold_case(token) not in USABLE} == set()
    assert own <= set(tokens)
    assert set(NEW) <= {fold_case(token) for token in tokens}
    words = [fold_case(token) for token in tokens if token[0].isalpha()]
    exchanged = sum(word in NEW for word in words) / len(words)
    assert np.mean(EXCHANGED_IN_PARTS) < exchanged < np.mean(EXCHANGED)


def test_most_come_from_the_favoured() -> None:
    favoured, others = tuple(f"1 {word} waits, 1 sleeps." for word in NEW), tuple(f"2 {word} wakes, 2 eats." for word in NEW)
    sentences = rewritten(prepared(others, favoured))
    assert {sentence[0] for sentence in sentences} == {"1", "2"}
    # Numbers are never exchanged. The bound lies over four standard deviations (0.009) away.
    assert sum(sentence[0] == "1" for sentence in sentences) / COUNT == pytest.approx(FAVOURED, abs=0.04)


def test_an_exchanged_first_word_keeps_its_capital() -> None:
    capital = ("Weave the baskets at home", "Mend nets at night")
    sentences = [sentence.split() for sentence in rewritten(prepared(capital, capital))]
    assert all(first[0].isupper() for first, *_ in sentences)
    assert {first for first, *_ in sentences} >= {"Weave", "Mend", *(word.capitalize() for word in NEW)}
    assert {word for _, *later in sentences for word in later if word[0].isupper()} <= {"Weave", "Mend"}
    small = tuple(sentence.lower() for sentence in capital)
    assert all(sentence.islower() for sentence in rewritten(prepared(small, small)))
