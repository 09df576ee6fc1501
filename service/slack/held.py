"""Answers kept in memory for as long as their buttons should work; they are never written anywhere."""

import secrets
import threading
from dataclasses import dataclass, field
from typing import Final

from cachetools import TTLCache

from model.labels import Label
from service.schemas import TagResponse

KEPT_SECONDS: Final = 3600
KEPT_CHARACTERS: Final = 50_000_000


@dataclass(frozen=True)
class Held:
    """An answer, to whom it was given, and what its buttons have changed.

    Attributes:
        id: unguessable; what the buttons hold.
        owner: team and user: nobody else's click is answered.
        title: what was tagged, as the reader knows it.
        notes: what the reader should know of how it was read.
        corrections: label by index of the sentence.
    """

    owner: tuple[str, str]
    title: str
    answer: TagResponse
    notes: tuple[str, ...] = ()
    corrections: dict[int, Label] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def size(self) -> int:
        """Roughly how much memory it takes, in characters."""
        return 1000 + sum(len(s.text) + 100 * len(s.evidence or ()) + 300 for s in self.answer.sentences)


class Answers:
    """The answers of the last hour; the oldest make room where they would take too much memory."""

    def __init__(self) -> None:
        self._held: TTLCache[str, Held] = TTLCache(KEPT_CHARACTERS, KEPT_SECONDS, getsizeof=lambda held: min(held.size, KEPT_CHARACTERS))
        self._lock = threading.Lock()

    def keep(self, held: Held) -> None:
        """Keep an answer."""
        with self._lock:
            self._held[held.id] = held

    def find(self, answer_id: str, owner: tuple[str, str]) -> Held | None:
        """Return an answer to its owner; None where it is no longer kept."""
        with self._lock:
            held = self._held.get(answer_id)
        return held if held and held.owner == owner else None
