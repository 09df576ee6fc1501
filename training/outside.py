"""Labelled sentences from outside the project: measured when somebody has them, and the figures kept for the model card."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.labels import Dimension, Label
from model.tagger import Tagger
from training.config import TrainingConfig
from training.corpus import CorpusError
from training.evaluate import Truth, measure


class OutsideExample(BaseModel):
    """A labelled sentence of any origin; fields other than these are passed over."""

    model_config = ConfigDict(frozen=True)

    text: str = Field(min_length=1)
    label: Label
    dimension: Dimension | None = None
    group: str = "all"
    path: str = ""


class OutsideFigures(BaseModel):
    """What was measured on sentences outside the project, and with which training data.

    Attributes:
        description: what the sentences are.
        command: what printed the figures.
        data_sha256: the data set of the model that was measured.
        figures: as `training.evaluate.measure` returns them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    command: str
    data_sha256: str
    figures: dict[str, Any]


def read_examples(path: Path) -> list[OutsideExample]:
    """Read JSON lines with `text`, `label` and, where known, `dimension` and `group`.

    Raises:
        CorpusError: the file cannot be read or a line is wrong; the message names file, line and field, and never the text.
    """
    examples = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise CorpusError(f"{path}: cannot be read ({reason})") from error
    for number, line in enumerate(lines, start=1):
        try:
            examples.append(OutsideExample.model_validate_json(line))
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'line'}: {e['msg']}" for e in error.errors(include_input=False))
            raise CorpusError(f"{path}, line {number}: {problems}") from error
    if not examples:
        raise CorpusError(f"{path}: holds no sentences")
    return examples


def measure_outside(tagger: Tagger, examples: list[OutsideExample], config: TrainingConfig) -> dict[str, Any]:
    """Measure a tagger, broken down by `group`; sentences of the same `path` are drawn together for the intervals."""
    truth = [Truth(e.label, e.dimension, None, e.group, e.path or str(i)) for i, e in enumerate(examples)]
    scores = tagger.score([e.text for e in examples])
    return measure(truth, scores, config.evaluation.bootstrap_samples, config.seed)


def read_outside(path: Path, data_sha256: str) -> OutsideFigures | None:
    """Return the kept figures if they belong to this data set, else None: a card shows no figure of another model."""
    try:
        figures = OutsideFigures.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return figures if figures.data_sha256 == data_sha256 else None
