"""Cuts a sentence into stretches by what its words did for a side, for any way of showing it."""

from typing import Final, NamedTuple

from model.labels import Side
from service.report.data import Telling

_STRONG: Final = 0.5  # of the strongest word of the sentence
_WEAK: Final = 0.3


class Stretch(NamedTuple):
    """Words of a sentence, and how much they spoke for the side: 2 strongly, 1 somewhat, 0 not."""

    text: str
    strength: int


def stretches(telling: Telling, side: Side) -> list[Stretch]:
    """Return the whole sentence in stretches."""
    evidence = telling.explanation.evidence if telling.explanation else []
    weights = [getattr(e, side) for e in evidence]
    strongest = max(weights, default=0.0)
    found: list[Stretch] = []
    position = 0
    for e, weight in zip(evidence, weights, strict=True):
        strength = 2 if weight >= _STRONG * strongest else 1 if weight >= _WEAK * strongest else 0
        if weight <= 0 or not strength or not e.text[0].isalnum():
            continue
        if e.start > position:
            found.append(Stretch(telling.text[position : e.start], 0))
        found.append(Stretch(e.text, strength))
        position = e.end
    if position < len(telling.text):
        found.append(Stretch(telling.text[position:], 0))
    return found
