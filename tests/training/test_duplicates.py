import os
from pathlib import Path

import pytest

from training.config import load_config
from training.corpus import Example
from training.duplicates import near_duplicates, taken_from
from training.outside import read_examples


@pytest.fixture
def corpus_and_holdout(corpus: list[Example], holdout: list[Example]) -> list[str]:
    return [example.text for example in (*corpus, *holdout)]


def test_what_repeats_an_earlier_sentence_is_found() -> None:
    texts = [
        "Please send the signed form to the office by Friday.",
        "please send the signed form to the office by Friday",
        "Please send the signed form to the office by Friday noon.",
        "Please send the unsigned letter to the archive by Monday.",
        "Any other business",
        "Any other business?",
        "Any other news",
    ]
    assert list(near_duplicates(texts, 0.7)) == [(0, 1), (0, 2), (4, 5)]


def test_what_stands_in_a_foreign_sentence_is_found() -> None:
    others = ["The board approved the budget for the coming year without a vote.", "No change"]
    texts = [
        "The board approved the budget for the coming winter.",
        "The board approved a budget for the coming year.",
        "No change.",
        "The committee met in March.",
    ]
    assert taken_from(texts, others) == [0, 2]


def test_nothing_in_the_corpus_or_the_holdout_stands_there_twice(corpus_and_holdout: list[str]) -> None:
    assert not list(near_duplicates(corpus_and_holdout, load_config().data.near_duplicate))


@pytest.mark.skipif("HELMKEEL_OUTSIDE" not in os.environ, reason="no file of sentences from outside the project")
def test_nothing_in_the_corpus_stands_in_sentences_kept_for_measuring(corpus_and_holdout: list[str]) -> None:
    others = [example.text for example in read_examples(Path(os.environ["HELMKEEL_OUTSIDE"]))]
    assert not taken_from(corpus_and_holdout, others)


def test_the_corpus_is_as_large_as_the_data_card_promises(corpus: list[Example], holdout: list[Example]) -> None:
    assert len(corpus) >= 30_000
    assert len(holdout) >= 2_000
