"""Trains and measures all peers on the same rows and sentences, and says it in Markdown."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.peers.protocol import SEED, TAGS, Flags, size_bytes
from benchmarks.peers.registry import HELMKEEL, PEERS, TUNED, Entry
from model.artifact import Artifact
from model.contrasts import load_contrasts
from model.labels import Side
from model.tagger import Scores
from service.settings import ROOT, Settings
from training.build import Row, build
from training.config import load_config
from training.corpus import read_corpus
from training.evaluate import Truth, measure
from training.fit import tag_targets
from training.outside import read_examples

ONE_THREAD: Final = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "",
}
"""What is timed runs on one thread of the processor; training may use all there is."""
EVERYWHERE: Final = {
    "PYTHONPATH": str(ROOT),
    "HF_HUB_OFFLINE": "1",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Another Python has no Helmkeel installed; nothing is fetched; no bars in the log."""
HOLDOUT: Final = "hold-out"
GOLD: Final = "gold"
Interval = dict[str, float]


class BenchmarkError(Exception):
    """The comparison cannot be made; the message says why, and what to do."""


@dataclass(frozen=True)
class Options:
    """What a run may be given.

    Attributes:
        gold: labelled sentences from outside the project.
        encoder: folder with the files of a plain sentence encoder.
        encoder_python: the Python that has torch, for the peers that need the encoder.
        tuned: folder where the fine-tuned encoder is kept: taken from there if it is there, and else trained and put there. Whoever changes
            the corpus removes it. Not used with `rows`.
        rows: at most so many training rows, for trying things out.
    """

    gold: Path | None = None
    encoder: Path | None = None
    encoder_python: Path = Path(sys.executable)
    tuned: Path | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Judged:
    """Sentences that are held against what readers say of them."""

    name: str
    texts: tuple[str, ...]
    truth: tuple[Truth, ...]


@dataclass(frozen=True)
class Figures:
    """What was measured of one peer.

    Attributes:
        trained_on: how many sentences it learnt from.
        macro_f1, precision: by the name of the judged sentences; precision is that of leadership.
        peak_bytes: of a process that loads the trained model and tags.
        size_bytes: of the files of the trained model.
    """

    entry: Entry
    trained_on: int
    macro_f1: dict[str, Interval]
    precision: dict[str, Interval]
    sentences_a_second: float
    peak_bytes: int
    size_bytes: int


def compare(artifact: Artifact, settings: Settings, options: Options) -> list[Figures]:
    """Train and measure Helmkeel and every peer that can be run.

    Raises:
        BenchmarkError: the artifact was trained on other rows, the encoder's Python lacks something, or a peer failed.
        CorpusError: labelled sentences cannot be read.
    """
    dataset = build(settings.data, load_config().data.near_duplicate)
    if dataset.sha256 != artifact.manifest.data_sha256:
        raise BenchmarkError(f"{settings.artifact} was trained on other data than {settings.data} holds: run `make train` first")
    if options.encoder:
        check_encoder(options)
    judged = [holdout(settings.data), *([outside(options.gold)] if options.gold else [])]
    teaching = [row for row in dataset.rows if row.manner.teaches_tags]
    rows = spread(teaching, options.rows)
    contrasts = load_contrasts(settings.data / "contrasts.yaml")
    shared = {
        "encoder": str(options.encoder.resolve()) if options.encoder else None,
        "statements": {side: [s.text for contrast in contrasts.contrasts for s in contrast.side(side).statements] for side in Side},
    }
    training = shared | {"texts": [row.text for row in rows], "targets": tag_targets([row.label for row in rows]).tolist()}
    timed = [row.text for row in teaching]
    random.Random(SEED).shuffle(timed)  # noqa: S311 -- any part of them is then like the whole
    judging = shared | {"texts": [text for part in judged for text in part.texts], "timed": timed}
    figures = []
    for entry in [HELMKEEL, *(peer for peer in PEERS if options.encoder or not peer.encoder)]:
        print(f"{entry.name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            folder, trained_on = settings.artifact, len(teaching)
            if entry is not HELMKEEL:
                kept = options.tuned if entry is TUNED and not options.rows else None
                folder, trained_on = kept or Path(scratch) / "model", len(rows)
                if not folder.is_dir():
                    folder.mkdir(parents=True)
                    run(entry, "fit", training, folder, options)
            result = run(entry, "predict", judging, folder, options)
            figures.append(figures_of(entry, trained_on, result, judged, size_bytes(folder)))
    return figures


def check_encoder(options: Options) -> None:
    """Raise BenchmarkError where the encoder or what runs it is missing, before an hour is spent on the others."""
    if not (options.encoder and (options.encoder / "config.json").is_file()):
        raise BenchmarkError(f"{options.encoder}: holds no config.json; give the folder with the files of all-MiniLM-L6-v2")
    needed = "import joblib, model2vec, model2vec.distill, sklearn, torch, transformers"
    try:
        tried = subprocess.run([options.encoder_python, "-c", needed], capture_output=True, text=True, check=False)
    except OSError as error:
        raise BenchmarkError(f"{options.encoder_python}: cannot be run ({error.strerror})") from error
    if tried.returncode:
        reason = ["it failed", *tried.stderr.strip().splitlines()][-1]
        raise BenchmarkError(f"{options.encoder_python}: {reason}; it needs scikit-learn and model2vec[distill]")


def holdout(data: Path) -> Judged:
    """Return the project's own sentences kept apart."""
    examples = read_corpus(data / "holdout")
    return Judged(HOLDOUT, tuple(e.text for e in examples), tuple(Truth(e.label, None, None, e.register_, e.doc) for e in examples))


def outside(path: Path) -> Judged:
    """Return labelled sentences of any origin; those of one `path` are drawn together."""
    examples = read_examples(path)
    truth = tuple(Truth(e.label, None, None, e.group, e.path or str(i)) for i, e in enumerate(examples))
    return Judged(GOLD, tuple(e.text for e in examples), truth)


def spread(rows: Sequence[Row], most: int | None) -> Sequence[Row]:
    """Return at most so many rows, evenly spread."""
    return rows if most is None else rows[:: max(1, -(-len(rows) // most))]


def run(entry: Entry, step: str, job: dict[str, Any], folder: Path, options: Options) -> dict[str, Any]:
    """Run one step of a peer in a process of its own, on one thread where it is timed.

    Raises:
        BenchmarkError: it failed; what it said went to stderr.
    """
    python = options.encoder_python if entry.encoder else Path(sys.executable)
    with tempfile.TemporaryDirectory() as scratch:
        job_path, result_path = Path(scratch) / "job.json", Path(scratch) / "result.json"
        job_path.write_text(json.dumps(job | {"factory": entry.factory}), encoding="utf-8")
        command: list[str | Path] = [python, "-m", "benchmarks.peers.worker", step, job_path, folder, result_path]
        environment = os.environ | EVERYWHERE | (ONE_THREAD if step == "predict" else {})
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            raise BenchmarkError(f"{entry.name}: could not {step}")
        result: dict[str, Any] = json.loads(result_path.read_text(encoding="utf-8"))
        return result


def figures_of(entry: Entry, trained_on: int, result: dict[str, Any], judged: Sequence[Judged], size: int) -> Figures:
    """Hold the tags of a peer against the readings."""
    flags = np.array(result["flags"], dtype=bool).reshape(-1, len(TAGS))
    ends = np.cumsum([len(part.texts) for part in judged])[:-1]
    config = load_config()
    measured = {
        part.name: measure(part.truth, as_scores(own), config.evaluation.bootstrap_samples, config.seed)
        for part, own in zip(judged, np.split(flags, ends), strict=True)
    }
    return Figures(
        entry,
        trained_on,
        {name: figure["macro_f1"] for name, figure in measured.items()},
        {name: figure["tags"][Side.LEADERSHIP]["precision"] for name, figure in measured.items()},
        result["sentences_a_second"],
        result["peak_bytes"],
        size,
    )


def as_scores(flags: Flags) -> Scores:
    """Dress (n, 2) tags as what `training.evaluate.measure` takes; scores, dimension and concept say nothing here."""
    none = np.full(len(flags), -1, np.int32)
    return Scores(np.zeros(flags.shape), flags.astype(np.float64), np.zeros(len(flags), bool), none, none, flags)
