import pickle
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import Dimension, Label, Side
from model.tagger import Tagger
from model.tokens import tokenise

SENTENCES = [
    "Prepare the annual budget and monitor spending against it.",
    "Win the regions over to a way of working that nobody has tried yet.",
    "The canteen is on the second floor.",
    "Ana to send the draft to the printer by Friday 14 May.",
    "Zyxgrop blenders qworm the frobnicator!",
    "",
    "…",
]
SHORT = ["", "Inspire", "Plan budgets", "Win people over", "Monitor the annual budget", "Share a vision people follow"]


def test_evidence_adds_up_to_the_decision_and_the_score(tagger: Tagger) -> None:
    scores = tagger.score(SENTENCES)
    for row, sentence in enumerate(SENTENCES):
        why = tagger.explain(sentence)
        for column, side in enumerate(Side):
            total = why.baseline[side] + sum(getattr(e, side) for e in why.evidence)
            assert total == pytest.approx(why.decision[side], abs=1e-9)
            assert why.decision[side] == pytest.approx(scores.decision[row, column], abs=1e-9)
            assert 1 / (1 + np.exp(-total)) == pytest.approx(scores.score[row, column], abs=1e-9)
        for e in why.evidence:
            assert sentence[e.start : e.end] == e.text


@given(st.lists(st.text(max_size=60), max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_a_score_that_does_not_depend_on_its_neighbours(tagger: Tagger, texts: list[str]) -> None:
    together = tagger.score(texts)
    assert np.isfinite(together.decision).all()
    for row, text in enumerate(texts):
        alone = tagger.score([text])
        assert (alone.decision[0] == together.decision[row]).all()
        assert list(tagger.explain(text).decision.values()) == pytest.approx(alone.decision[0], abs=1e-9)


def test_short_sentences_beside_each_other_do_not_mix(tagger: Tagger) -> None:
    assert [len(tokenise(sentence)) for sentence in SHORT] == [*range(len(tagger.model.kernel) + 2)]
    alone = [tagger.score([sentence]) for sentence in SHORT]
    for order in permutations(range(len(SHORT))):
        together = tagger.score([SHORT[place] for place in order])
        for values, *each in zip(together, *(alone[place] for place in order), strict=True):
            assert (values == np.concatenate(each)).all()


def test_many_sentences_change_no_answers(tagger: Tagger) -> None:
    many = [SENTENCES[i % len(SENTENCES)] for i in range(10_000)]
    scores = tagger.score(many)
    few = tagger.score(SENTENCES)
    for row in range(0, 10_000, 997):
        assert (scores.decision[row] == few.decision[row % len(SENTENCES)]).all()


def test_plain_cases(tagger: Tagger) -> None:
    budget, regions, canteen, *_ = tagger.tag(SENTENCES)
    assert budget.label is Label.MANAGEMENT
    assert budget.dimension is Dimension.WORK
    assert regions.label is Label.LEADERSHIP
    assert regions.concept is not None
    assert canteen.label is Label.NEITHER
    assert canteen.dimension is None
    assert canteen.concept is None


@pytest.mark.parametrize("names", [("Ana", "Zbigniew"), ("Okafor", "Brightwater")])
def test_a_name_carries_no_orientation(tagger: Tagger, names: tuple[str, str]) -> None:
    first, second = (tagger.score([f"{name} to send the draft to the printer by Friday."]) for name in names)
    assert (first.decision == second.decision).all()
    assert all(e.text not in names for name in names for e in tagger.explain(f"{name} to send the draft.").evidence)


def test_a_number_carries_no_orientation(tagger: Tagger) -> None:
    few, many = tagger.score(["We have 3 people on it.", "We have 4812 people on it."]).decision
    assert (few == many).all()


@pytest.mark.parametrize(
    "text",
    [
        "Le directeur prépare le budget annuel et surveille les dépenses du service.",
        "Der Vorstand hat gestern beschlossen, dass die neue Regelung ab Januar gilt.",
        "xqzt vrrb plonk wzzt grrmpf tlaq bnurr",
        "委员会批准了明年的预算和工作计划",
    ],
)
def test_text_it_does_not_know_is_not_judged(tagger: Tagger, text: str) -> None:
    (tag,) = tagger.tag([text])
    assert tag.abstained
    assert tag.label is Label.NEITHER


def test_a_single_string_is_refused(tagger: Tagger) -> None:
    with pytest.raises(TypeError, match="not one string"):
        tagger.score("Plan the work")


def test_a_copy_tags_the_same(tagger: Tagger) -> None:
    again = pickle.loads(pickle.dumps(tagger))  # noqa: S301 -- just made
    assert again.tag(SENTENCES) == tagger.tag(SENTENCES)


def test_no_sentences_give_no_tags(tagger: Tagger) -> None:
    assert tagger.tag([]) == []
