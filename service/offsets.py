"""Offsets in the unit a caller counts in: code points (Python), UTF-16 units (JavaScript, Java, C#) or bytes of UTF-8 (Go, Rust, C)."""

import numpy as np

from service.schemas import OffsetUnit


class Offsets:
    """Turns offsets in code points of a text into another unit."""

    def __init__(self, text: str, unit: OffsetUnit) -> None:
        self._before: list[int] | None = None
        if unit is not OffsetUnit.CODEPOINTS and not text.isascii():
            points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
            widths = 1 + (points > 0xFFFF).astype(np.int64)
            if unit is OffsetUnit.BYTES:
                widths += (points > 0x7F).astype(np.int64) + ((points > 0x7FF) & (points <= 0xFFFF))
                widths += points > 0xFFFF
            self._before = [0, *np.cumsum(widths).tolist()]

    def __call__(self, offset: int) -> int:
        """Return an offset of code points, from 0 to the length of the text, in the unit."""
        return offset if self._before is None else self._before[offset]
