from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.folded import Doubles, FoldedModel, Ints

class Kernel:
    def __init__(self, model: FoldedModel, look_up: Callable[[str], tuple[int, bool, float, float]]) -> None: ...
    def score(
        self, sentences: Sequence[str], leadership: float, management: float
    ) -> tuple[Doubles, Doubles, NDArray[np.bool_], Ints, Ints, NDArray[np.bool_]]: ...
    def explain(self, sentence: str) -> tuple[Ints, Doubles]: ...
