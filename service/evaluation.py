"""`helmkeel evaluate`: measures the model and shows the figures."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from model.artifact import Artifact
from model.labels import Label, Side
from model.tagger import Tagger
from service.settings import Settings
from training.config import load_config
from training.corpus import CorpusError, read_corpus
from training.outside import OutsideFigures, measure_outside, read_examples
from training.train import measure_examples

OUTSIDE = "outside.json"


class EvaluationError(ValueError):
    """The labelled sentences cannot be used."""


def evaluate_holdout(artifact: Artifact, settings: Settings) -> dict[str, Any]:
    """Measure on the hold-out. Raises EvaluationError where it is missing or damaged."""
    try:
        return measure_examples(Tagger(artifact.model), read_corpus(settings.data / "holdout"), load_config())
    except CorpusError as error:
        raise EvaluationError(str(error)) from error


def evaluate_file(artifact: Artifact, path: Path) -> dict[str, Any]:
    """Measure on a file of labelled sentences. Raises EvaluationError where it cannot be read."""
    try:
        return measure_outside(Tagger(artifact.model), read_examples(path), load_config())
    except CorpusError as error:
        raise EvaluationError(str(error)) from error


def keep_figures(artifact: Artifact, settings: Settings, source: Path, description: str, figures: dict[str, Any]) -> None:
    """Write the figures where the next training run finds them for the model card."""
    kept = OutsideFigures(
        description=description,
        command=f"helmkeel evaluate {source.name}",
        data_sha256=artifact.manifest.data_sha256,
        figures=figures,
    )
    (settings.data / OUTSIDE).write_text(kept.model_dump_json(indent=1) + "\n", encoding="utf-8")


def show_figures(figures: dict[str, Any], *, as_json: bool) -> None:
    """Print figures on stdout, as tables or as one JSON object."""
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    console = Console()
    tags = Table("tag", "sentences", "precision", "recall", "F1", "95% interval", "calibration error")
    for tag, figure in figures["tags"].items():
        values = [f"{figure[name]['value']:.3f}" for name in ("precision", "recall", "f1")]
        calibration = figures["calibration"].get(tag)
        error = f"{calibration['expected_error']:.3f}" if calibration else ""
        tags.add_row(tag, str(figure["sentences"]), *values, f"{figure['f1']['low']:.3f} to {figure['f1']['high']:.3f}", error)
    groups = Table("group", "sentences", "macro-F1", *(str(tag) for tag in (*Side, Label.NEITHER)))
    for name, group in figures["groups"].items():
        groups.add_row(name, str(group["sentences"]), *(f"{group[key]:.3f}" for key in ("macro_f1", *Side, Label.NEITHER)))
    console.print(tags, groups)
    for name, key in (
        ("macro-F1", "macro_f1"),
        ("dimension, where the label is right", "dimension_accuracy"),
        ("concept, likewise", "concept_accuracy"),
    ):
        figure = figures[key]
        if figure.get("sentences") == 0:  # nobody has labelled it
            continue
        console.print(f"{name}: {figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})", highlight=False)
