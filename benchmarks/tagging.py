"""How fast the tagger is, and what it takes."""

import time
from collections.abc import Callable

from model.artifact import TABLES, Artifact, load
from model.tagger import Tagger
from service.settings import Settings
from training.corpus import read_corpus

REPEATS = 3


def run(artifact: Artifact, settings: Settings) -> str:
    """Measure and return a Markdown table."""
    sentences = [example.text for example in read_corpus(settings.data / "corpus")]
    tagger = Tagger(artifact.model)
    short = "Prepare the annual budget and monitor spending against it."
    rows = {
        "scores, dimension and concept, in batches": f"{len(sentences) / best(lambda: tagger.score(sentences)):,.0f} sentences a second",
        "the same as objects": f"{len(sentences) / best(lambda: tagger.tag(sentences)):,.0f} sentences a second",
        "one short sentence": f"{best(lambda: [tagger.tag([short]) for _ in range(1000)]):.3f} ms",
        "loading the model": f"{best(lambda: Tagger(load(settings.artifact).model)):.2f} s",
        "tables on disk": f"{(settings.artifact / TABLES).stat().st_size / 1e6:.1f} MB",
    }
    return "| what | figure |\n| --- | ---: |\n" + "".join(f"| {name} | {value} |\n" for name, value in rows.items())


def best(work: Callable[[], object]) -> float:
    """Return the shortest of three runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)
