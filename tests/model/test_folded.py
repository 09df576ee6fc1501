import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from model.folded import FoldedModelError
from model.tagger import Tagger


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("left", lambda table: table.astype(np.float64), "left holds float64 in the shape (V, 32), expected float32 in (V, 32)"),
        ("left", lambda table: table[:-1], "left holds float32 in the shape (W, 32), expected float32 in (V, 32)"),
        ("left", np.asfortranarray, "left holds float32 in the shape (V, 32), expected float32 in (V, 32), row by row"),
        ("cased", lambda table: table.astype(np.int64), "cased holds int64 in the shape (V,), expected bool in (V,)"),
        ("words", lambda words: words.replace("<s>", "<t>", 1), "words must start with the placeholders"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tagger: Tagger, name: str, change: Callable[[Any], Any], message: str) -> None:
    model = tagger.model
    words = len(model.vocabulary)
    with pytest.raises(FoldedModelError, match=re.escape(message.replace("V", str(words)).replace("W", str(words - 1)))):
        replace(model, **{name: change(getattr(model, name))})
