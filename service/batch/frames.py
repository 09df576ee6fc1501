"""Scoring of pandas frames, for engines that hand them out: Spark's `mapInPandas`, Dask's `map_partitions` (docs/scale.md)."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path

import pandas as pd

from model.artifact import load
from model.tagger import Tagger
from service.answers import DECIMALS
from service.settings import Settings

SCHEMA = "label string, leadership double, management double, dimension string, concept string, abstained boolean"
"""The columns that are added, as Spark writes them."""


def score_in_pandas(text_column: str = "text", artifact: Path | None = None) -> Callable[[Iterable[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """Return a function for `DataFrame.mapInPandas`: frames in, the same frames with the columns of `SCHEMA` out, row by row.

    Each text is tagged as one sentence, as `helmkeel score --unit sentence` does; a missing one gets no label.

    Args:
        text_column: the column of the texts.
        artifact: folder of the model on the workers; that of the settings (HELMKEEL_ARTIFACT) if left out.
    """
    return partial(_score_frames, text_column=text_column, artifact=artifact or Settings().artifact)


def score_frame(frame: pd.DataFrame, text_column: str = "text", artifact: Path | None = None) -> pd.DataFrame:
    """Return a frame with the columns of `SCHEMA` added. Raises KeyError where the text column is missing."""
    texts = frame[text_column]
    missing = texts.isna().to_numpy()
    tags = _tagger(artifact or Settings().artifact).tag(["" if gone else str(text) for text, gone in zip(texts, missing, strict=True)])
    kept = [None if gone else tag for tag, gone in zip(tags, missing, strict=True)]
    added = {
        "label": pd.Series([str(t.label) if t else None for t in kept], frame.index, dtype="string"),
        "leadership": pd.Series([round(t.leadership, DECIMALS) if t else None for t in kept], frame.index, dtype="float64"),
        "management": pd.Series([round(t.management, DECIMALS) if t else None for t in kept], frame.index, dtype="float64"),
        "dimension": pd.Series([str(t.dimension) if t and t.dimension else None for t in kept], frame.index, dtype="string"),
        "concept": pd.Series([str(t.concept) if t and t.concept else None for t in kept], frame.index, dtype="string"),
        "abstained": pd.Series([t.abstained if t else None for t in kept], frame.index, dtype="boolean"),
    }
    return frame.assign(**added)


def _score_frames(frames: Iterable[pd.DataFrame], *, text_column: str, artifact: Path) -> Iterator[pd.DataFrame]:
    for frame in frames:
        yield score_frame(frame, text_column, artifact)


@cache
def _tagger(artifact: Path) -> Tagger:
    return Tagger(load(artifact).model)
