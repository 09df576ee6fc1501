"""`make benchmark`: measures everything and writes benchmarks/results.md."""

import platform
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from benchmarks import segmentation, tagging
from benchmarks.peers import plot, report
from benchmarks.peers.compare import BenchmarkError, Options, compare
from model.artifact import Artifact, load
from service.settings import Settings
from training.corpus import CorpusError

RESULTS: Final = Path(__file__).with_name("results.md")
PLOT: Final = Path(__file__).with_name("peers.svg")
HEAD: Final = "# Benchmark results\n\nWritten by `make benchmark`; one thread unless said otherwise, best of three runs.\n"
OWN: Final = "## Segmenting, beside other splitters\n"
"""Where the sections without other taggers begin."""
SEGMENTING: Final = (
    "Boundary F1 on the 40 marked documents of `tests/model/gold` (starts and ends of sentences to be scored; the others know no\n"
    "headings, marks or speakers), and speed on the documents of the corpus.\n"
)


def main(
    gold: Annotated[Path | None, typer.Option(help="Labelled sentences from outside, as `helmkeel evaluate` reads them.")] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder with the files of all-MiniLM-L6-v2; without it, what needs it is left out.")
    ] = None,
    encoder_python: Annotated[Path, typer.Option(help="The Python that has torch and model2vec[distill].")] = Path(sys.executable),
    tuned: Annotated[
        Path | None, typer.Option(help="Folder where the fine-tuned encoder is kept: taken from there, or trained and put there.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=100, help="Train the peers on at most so many rows, to try things out: prints, and writes nothing.")
    ] = None,
    own: Annotated[bool, typer.Option("--own", help="Leave the other taggers; measure the sections after them again.")] = False,
) -> None:
    """Measure, print and write."""
    settings = Settings()
    artifact = load(settings.artifact)
    if own:
        peers, _, _ = RESULTS.read_text(encoding="utf-8").partition(OWN)
        RESULTS.write_text(peers + "\n".join(own_figures(artifact, settings)), encoding="utf-8")
        return
    options = Options(gold, encoder, encoder_python, tuned, rows)
    sections = [] if rows else own_figures(artifact, settings)
    try:
        figures = compare(artifact, settings, options)
    except (BenchmarkError, CorpusError) as error:
        raise SystemExit(f"benchmark: {error}") from error
    machine = f"Machine: {platform.machine()}, {_processor()}, Python {platform.python_version()}. Model {artifact.sha256[:12]}.\n"
    result = "\n".join([HEAD, machine, report.section(figures, options, PLOT.name), *sections])
    if not rows:
        plot.plot(figures, PLOT)
        RESULTS.write_text(result, encoding="utf-8")
    print(result)


def own_figures(artifact: Artifact, settings: Settings) -> list[str]:
    """Return the sections on segmenting and on the tagger alone."""
    return [
        OWN,
        SEGMENTING,
        segmentation.run(settings.data),
        "## Tagging\n",
        tagging.run(artifact, settings),
    ]


def _processor() -> str:
    names = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    typer.run(main)
