"""Hand-written probes of the codebook's hard cases (`data/probes.yaml`): never trained on, reported family by family."""

from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from model.labels import Label
from model.tagger import Tagger

Probes = dict[str, dict[Label, list[str]]]


class ProbesError(ValueError):
    """The probes cannot be read, or one has an unknown label."""


def read_probes(path: Path) -> Probes:
    """Read families of labelled sentences. Raises ProbesError."""
    try:
        return TypeAdapter(Probes).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ProbesError(f"{path}: {error}") from error


def pass_rates(tagger: Tagger, probes: Probes) -> dict[str, dict[str, int]]:
    """Return, for each family, how many probes there are and how many get their label."""
    rates = {}
    for family, labelled in probes.items():
        expected = [label for label, sentences in labelled.items() for _ in sentences]
        tags = tagger.tag([sentence for sentences in labelled.values() for sentence in sentences])
        rates[family] = {"probes": len(expected), "passed": sum(tag.label is label for tag, label in zip(tags, expected, strict=True))}
    return rates
