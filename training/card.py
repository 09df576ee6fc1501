"""Renders the model card from the figures of a training run; nothing in it is typed by hand."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.folded import SIDES, FoldedModel
from model.labels import Side
from training.outside import OutsideFigures

TOP_WORDS: Final = 50


def render_card(metrics: dict[str, Any], model: FoldedModel, outside: OutsideFigures | None) -> str:
    """Return the model card as Markdown. Raises jinja2.UndefinedError where a figure it shows was not measured."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 -- the output is Markdown of our own figures
    )
    environment.filters["interval"] = lambda figure: f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
    template = environment.get_template("card.md.jinja")
    return template.render(
        metrics=metrics,
        thresholds=dict(zip(SIDES, model.thresholds.tolist(), strict=True)),
        top_words=top_words(model),
        outside=outside,
        reach=len(model.kernel),
    )


def top_words(model: FoldedModel) -> dict[Side, list[str]]:
    """Return the words seen in training that speak most for each side, strongest first."""
    seen = [row for row, word in enumerate(model.vocabulary) if model.cased[row] and word.isalpha()]
    return {
        side: [model.vocabulary[seen[i]] for i in np.argsort(-model.word_tags[seen, k], kind="stable")[:TOP_WORDS]]
        for k, side in enumerate(SIDES)
    }
