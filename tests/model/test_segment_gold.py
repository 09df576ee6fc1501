import pytest

from model.segment import segment
from tests.model.segmentation_gold import GoldDocument, Spans, boundary_f1, read_gold

GOLD = read_gold()


def ours(text: str) -> Spans:
    return [(s.start, s.end) for s in segment(text).sentences]


def test_the_gold_is_whole() -> None:
    assert len(GOLD) >= 40
    assert all(document.sentences for document in GOLD)


def test_boundaries_overall() -> None:
    assert boundary_f1(GOLD, ours) >= 0.97


@pytest.mark.parametrize("kind", sorted({document.kind for document in GOLD}))
def test_boundaries_of_each_kind(kind: str) -> None:
    assert boundary_f1([document for document in GOLD if document.kind == kind], ours) >= 0.93


@pytest.mark.parametrize("document", GOLD, ids=[document.name for document in GOLD])
def test_every_character_is_accounted_for(document: GoldDocument) -> None:
    found = segment(document.text)
    covered = {i for s in [(s.start, s.end) for s in found.sentences] + [(s.start, s.end) for s in found.skipped] for i in range(*s)}
    assert not "".join(c for i, c in enumerate(document.text) if i not in covered).strip()
