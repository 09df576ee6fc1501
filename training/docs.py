"""Keeps documents true: fills in the output of commands, the data card's tables and the model card (`python -m training.docs`)."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from model.artifact import Artifact, load
from training.corpus import Disputed, Example
from training.outside import read_outside
from training.plots import calibration_svg
from training.tables import (
    Data,
    agreement_table,
    concept_table,
    country_table,
    dimension_table,
    english_table,
    label_table,
    length_table,
    polish_table,
    read_data,
    sector_table,
)

ROOT: Final = Path(__file__).resolve().parent.parent
COMMAND_OUTPUT: Final = re.compile(r"(<!-- output: helmkeel (?P<command>.*?) -->\n)```\n.*?```\n", re.DOTALL)
TABLE: Final = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def render(document: str, data: Data) -> str:
    """Return a document with every marked output and table made anew."""
    tables = data_tables(data)
    document = COMMAND_OUTPUT.sub(lambda match: f"{match[1]}```\n{command_output(match['command'])}```\n", document)
    return TABLE.sub(lambda match: match[1] + tables[match["name"]], document)


def command_output(arguments: str) -> str:
    """Run `helmkeel` with the arguments and return what it prints."""
    helmkeel = Path(sys.executable).with_name("helmkeel")
    done = subprocess.run([helmkeel, *arguments.split()], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def data_tables(data: Data) -> dict[str, str]:
    """Return the tables of the data card by name."""
    sentences: list[Example | Disputed] = [*data.corpus, *data.holdout, *data.disputed]
    read = [(sentence.register_, sentence.readings) for sentence in sentences]
    return {
        "corpus": label_table(data.corpus),
        "holdout": label_table(data.holdout),
        "dimensions": dimension_table(data.corpus),
        "concepts": concept_table(data.corpus),
        "agreement": agreement_table(read),
        "sectors": sector_table(data),
        "countries": country_table(data),
        "english": english_table(data),
        "polish": polish_table(data),
        "lengths": length_table(data.corpus),
    }


def calibration_picture(artifact: Artifact) -> str:
    """Return the picture of the model card, with the sentences from outside where they were measured on this data set."""
    measured = {"hold-out, invented": artifact.metrics["holdout"]}
    outside = read_outside(ROOT / "data" / "outside.json", artifact.manifest.data_sha256)
    if outside:
        measured["real sentences"] = outside.figures
    return calibration_svg(measured)


def main() -> None:
    """Write README.md, data/README.md, docs/model-card.md and the picture in it."""
    data = read_data(ROOT / "data")
    for path in (ROOT / "README.md", ROOT / "data" / "README.md"):
        path.write_text(render(path.read_text(encoding="utf-8"), data), encoding="utf-8")
    (ROOT / "docs").mkdir(exist_ok=True)
    artifact = load(ROOT / "artifact")
    (ROOT / "docs" / "model-card.md").write_text(artifact.card, encoding="utf-8")
    (ROOT / "docs" / "calibration.svg").write_text(calibration_picture(artifact), encoding="utf-8")


if __name__ == "__main__":
    main()
