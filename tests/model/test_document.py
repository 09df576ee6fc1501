from collections import Counter

import pytest

from model.document import TooManySentencesError, tag_document, verdict
from model.labels import Label, Verdict
from model.tagger import Tagger


@pytest.mark.parametrize(
    ("counts", "words", "expected"),
    [
        ({Label.LEADERSHIP: 6, Label.MANAGEMENT: 4}, 99, Verdict.LEADERSHIP),
        ({Label.LEADERSHIP: 4, Label.MANAGEMENT: 6}, 99, Verdict.MANAGEMENT),
        ({Label.LEADERSHIP: 5, Label.MANAGEMENT: 5}, 99, Verdict.MIXED),
        ({Label.MIXED: 5, Label.NEITHER: 5}, 99, Verdict.MIXED),
        ({Label.MANAGEMENT: 4, Label.NEITHER: 96}, 99, Verdict.NEITHER),
        ({Label.MANAGEMENT: 5, Label.NEITHER: 95}, 99, Verdict.MANAGEMENT),
        ({Label.NEITHER: 9}, 99, Verdict.NEITHER),
        ({Label.MANAGEMENT: 4}, 49, Verdict.INSUFFICIENT),
        ({Label.MANAGEMENT: 4}, 50, Verdict.MANAGEMENT),
        ({Label.MANAGEMENT: 5}, 49, Verdict.MANAGEMENT),
        ({}, 0, Verdict.INSUFFICIENT),
    ],
)
def test_verdict(counts: dict[Label, int], words: int, expected: Verdict) -> None:
    assert verdict(Counter(counts), words) is expected


def test_a_strategy_leans_further_to_leadership_than_a_role_of_duties(tagger: Tagger, examples: dict[str, str]) -> None:
    def leaning(name: str) -> float:
        counts = tag_document(tagger, examples[name]).counts
        return counts[Label.LEADERSHIP] / (counts[Label.LEADERSHIP] + counts[Label.MANAGEMENT])

    assert leaning("strategy.md") > leaning("job-description.txt") + 0.2


def test_counts_shares_and_profile_agree(tagger: Tagger, examples: dict[str, str]) -> None:
    for text in examples.values():
        document = tag_document(tagger, text)
        assert sum(document.counts.values()) == len(document.sentences)
        assert sum(document.shares.values()) == pytest.approx(1)
        sides = [len(s.tag.label.tags) for s in document.sentences if s.tag.dimension]
        assert sum(sum(c.values()) for c in document.dimensions.values()) == sum(sides)


def test_too_many_sentences(tagger: Tagger) -> None:
    with pytest.raises(TooManySentencesError, match="has 3 sentences, the limit is 2"):
        tag_document(tagger, "We met on Monday. We met on Tuesday. We met on Friday.", max_sentences=2)


def test_foreign_text_is_flagged(tagger: Tagger) -> None:
    text = "Le directeur prépare le budget. Il surveille les dépenses du service. Nous partageons une vision pour notre avenir."
    document = tag_document(tagger, text)
    assert document.unsupported_language
    assert document.counts[Label.NEITHER] == len(document.sentences) == 3
    assert all(tagged.tag.abstained and tagged.tag.dimension is None for tagged in document.sentences)
