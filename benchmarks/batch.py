"""Batch scoring from files to JSON lines on disk: `make benchmark-batch` writes benchmarks/batch.md.

Speed with 1 and 2 processes, other tools over the same files, memory, and a folder with broken files; `ONLY=folder` runs a part.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import fasttext
import psutil
import spacy
import typer
from spacy.language import Language
from spacy.training import Example as Training
from spacy.util import minibatch

from model.labels import Label
from service.settings import Settings
from tests.service.folders import KINDS, make_folder
from training.corpus import Example, read_corpus

HELMKEEL = Path(sys.executable).with_name("helmkeel")
RESULTS = Path(__file__).with_name("batch.md")
REPEATS = 3
FILES = 4000
DOCUMENT_SENTENCES = 60
MEMORY_SENTENCES = (10_000, 100_000, 1_000_000)
FOLDER_FILES = 2000
TEXTCAT_EXAMPLES, TEXTCAT_ROUNDS = 4000, 2
SAMPLE_SECONDS = 0.05


class Part(StrEnum):
    """What can be measured alone."""

    SPEED = "speed"
    MEMORY = "memory"
    FOLDER = "folder"


def main(only: Annotated[Part | None, typer.Option(help="Measure this part alone: prints, and writes nothing.")] = None) -> None:
    """Measure, print and write."""
    examples = read_corpus(Settings().data / "corpus")
    with tempfile.TemporaryDirectory(prefix="helmkeel-benchmark-") as name:
        folder = Path(name)
        texts = make_documents(folder / "in", [example.text for example in examples], FILES)
        parts: dict[Part, Callable[[], Iterator[str]]] = {
            Part.SPEED: lambda: _speed(folder, examples, texts),
            Part.MEMORY: lambda: _memory(folder, texts),
            Part.FOLDER: lambda: _broken(folder),
        }
        lines = ["# Batch scoring", "", f"Written by `make benchmark-batch`; {os.cpu_count()} cores."]
        for part in [only] if only else Part:
            lines += ["", *parts[part]()]
    result = "\n".join(lines) + "\n"
    if not only:
        RESULTS.write_text(result, encoding="utf-8")
    print(result)


def make_documents(folder: Path, sentences: list[str], count: int) -> list[str]:
    """Write documents of 60 sentences, every other one as lines, the rest as running text."""
    folder.mkdir()
    texts = []
    for number in range(count):
        parts = [sentences[(number * DOCUMENT_SENTENCES + i) % len(sentences)] for i in range(DOCUMENT_SENTENCES)]
        texts.append(("\n" if number % 2 else " ").join(parts))
        (folder / f"{number:05}.txt").write_text(texts[-1], encoding="utf-8")
    return texts


def _speed(folder: Path, examples: list[Example], texts: list[str]) -> Iterator[str]:
    """Yield a table: sentences a second, start of the program and loading of the model included."""
    one, two = (min(_score(folder / "in", folder / "out.jsonl", jobs)[0] for _ in range(REPEATS)) for jobs in (1, 2))
    sentences = _lines(folder / "out.jsonl")
    (folder / "one").mkdir()
    (folder / "one" / "one.txt").write_text(texts[0], encoding="utf-8")
    start = min(_score(folder / "one", folder / "one.jsonl", 1)[0] for _ in range(REPEATS))
    fast = f"fastText (words and pairs, {_fasttext_kind()}), cut by a regular expression"
    rows = {
        "Helmkeel, 1 process": (sentences, one),
        "Helmkeel, 2 processes": (sentences, two),
        "spaCy sentencizer and bag-of-words textcat, `nlp.pipe`": _timed(folder, texts, with_spacy(examples)),
        fast: _timed(folder, texts, with_fasttext(folder, examples)),
    }
    yield f"{len(texts):,} text files, {sentences:,} sentences, on disk to JSON lines on disk; best of {REPEATS}. Helmkeel as a command"
    yield f"from start to end, of which {start:.1f} s are the start and a single document; the others in a running process with the model"
    yield f"loaded. With two processes {one / two:.2f} times as fast as with one."
    yield ""
    yield "| pipeline | sentences | sentences a second |"
    yield "| --- | ---: | ---: |"
    for name, (number, seconds) in rows.items():
        yield f"| {name} | {number:,} | {number / seconds:,.0f} |"
    yield ""
    yield f"The others stand here for their speed alone. The textcat was trained for a moment ({TEXTCAT_ROUNDS} rounds over"
    yield f"{TEXTCAT_EXAMPLES:,} sentences), fastText on the whole corpus; how well they tag after proper training is in results.md."
    if not shutil.which("fasttext"):
        yield "There was no fastText command on this machine (`apt install fasttext`), so its Python binding was measured."


def _memory(folder: Path, texts: list[str]) -> Iterator[str]:
    """Yield a table: the most memory the processes of the command ever held, added up."""
    yield "| sentences, from JSON lines to JSON lines | processes | peak memory of all of them | sentences a second |"
    yield "| ---: | ---: | ---: | ---: |"
    for sentences in MEMORY_SENTENCES:
        path = folder / "rows.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            for number in range(sentences // DOCUMENT_SENTENCES + 1):
                stream.write(json.dumps({"id": number, "text": texts[number % len(texts)]}) + "\n")
        for jobs in (1, 2):
            seconds, peak = _score(path, folder / "rows.out.jsonl", jobs)
            found = _lines(folder / "rows.out.jsonl")
            yield f"| {found:,} | {jobs} | {peak / 1000:.0f} MB | {found / seconds:,.0f} |"
    yield ""
    yield "Peaks are the high-water marks the kernel keeps of each process (VmHWM); with 2 processes the command that hands out the"
    yield "work is a third. Libraries that processes share are counted in each."


def _broken(folder: Path) -> Iterator[str]:
    """Yield what became of a folder of all kinds, ten files of it broken."""
    broken = make_folder(folder / "shared", FOLDER_FILES)
    seconds, _ = _score(folder / "shared", folder / "shared.jsonl", 2, code=1)
    with (folder / "shared.jsonl.errors.jsonl").open(encoding="utf-8") as stream:
        named = sorted(json.loads(line)["source"].removeprefix(f"{folder / 'shared'}/") for line in stream)
    with (folder / "shared.jsonl").open(encoding="utf-8") as stream:
        scored = {json.loads(line)["source"].split(".zip/")[0] for line in stream}
    yield f"A folder of {FOLDER_FILES:,} documents of {len(KINDS)} kinds, {len(broken)} of them broken in as many ways, 2 processes:"
    yield f"{len(scored):,} files scored in {seconds:.0f} s; named as broken: {'exactly those' if named == sorted(broken) else named}."


def _score(source: Path, output: Path, jobs: int, code: int = 0) -> tuple[float, int]:
    """Run the command; return seconds, and the peak memory of all its processes in kilobytes."""
    command = [HELMKEEL, "score", source, "-o", output, "-j", str(jobs), "-q", "--force"]
    started = time.perf_counter()
    peaks: dict[int, int] = {}
    with subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL) as child:
        while child.poll() is None:
            peaks |= _peaks(child.pid)
            try:
                child.wait(SAMPLE_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    seconds = time.perf_counter() - started
    assert child.returncode == code, f"exit code {child.returncode}"
    return seconds, sum(peaks.values())


def _peaks(pid: int) -> dict[int, int]:
    """Return, for a process and all below it, the most memory each has held so far, in kilobytes."""
    found = {}
    try:
        for process in (parent := psutil.Process(pid), *parent.children(recursive=True)):
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            if match := re.search(r"VmHWM:\s+(\d+) kB", status):
                found[process.pid] = int(match[1])
    except (psutil.NoSuchProcess, OSError):  # one has just ended; what it held was read before
        pass
    return found


Tag = Callable[[Iterator[str]], Iterator[dict[str, object]]]


def _timed(folder: Path, texts: list[str], tag: Tag) -> tuple[int, float]:
    """Read the files, tag, and write JSON lines; return sentences and the best time."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        with (folder / "other.jsonl").open("w", encoding="utf-8") as stream:
            for row in tag(path.read_text(encoding="utf-8") for path in sorted((folder / "in").iterdir())):
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
        best = min(best, time.perf_counter() - started)
    return _lines(folder / "other.jsonl"), best


def with_spacy(examples: list[Example]) -> Tag:
    """Train for a moment and make a pipeline that cuts and tags."""
    cutter, nlp = spacy.blank("en"), spacy.blank("en")
    cutter.add_pipe("sentencizer")
    model = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 2,
        "length": 262144,
        "no_output_layer": False,
    }
    nlp.add_pipe("textcat", config={"model": model})
    chance = random.Random(0)  # noqa: S311
    training = [_training(nlp, example) for example in chance.sample(examples, TEXTCAT_EXAMPLES)]
    optimizer = nlp.initialize(lambda: training)
    for batch in minibatch(training * TEXTCAT_ROUNDS, size=128):  # type: ignore[no-untyped-call]
        nlp.update(batch, sgd=optimizer)

    def tag(texts: Iterator[str]) -> Iterator[dict[str, object]]:
        sentences = (sentence.text.strip() for doc in cutter.pipe(texts) for sentence in doc.sents)
        for doc in nlp.pipe(sentences, batch_size=1000):
            yield {"text": doc.text, "scores": doc.cats}

    return tag


def _training(nlp: Language, example: Example) -> Training:
    return Training.from_dict(nlp.make_doc(example.text), {"cats": {str(label): float(label is example.label) for label in Label}})


def with_fasttext(folder: Path, examples: list[Example]) -> Tag:
    """Train on the corpus and make a pipeline."""
    lines = (f"__label__{example.label} {' '.join(example.text.split())}\n" for example in examples)
    (folder / "train.txt").write_text("".join(lines), encoding="utf-8")
    model = fasttext.train_supervised(str(folder / "train.txt"), epoch=10, wordNgrams=2, dim=50, bucket=200_000, thread=1, verbose=0)
    model.save_model(str(folder / "model.bin"))
    return _command(folder) if shutil.which("fasttext") else _binding(model)


def _fasttext_kind() -> str:
    return "command line" if shutil.which("fasttext") else "Python binding"


_END = re.compile(r"(?<=[.!?])\s+|\n+")


def _binding(model: fasttext.FastText._FastText) -> Tag:
    def tag(texts: Iterator[str]) -> Iterator[dict[str, object]]:
        for text in texts:
            sentences = [sentence for sentence in _END.split(text) if sentence]
            labels, scores = model.predict(sentences, k=4)
            for sentence, names, values in zip(sentences, labels, scores, strict=True):
                yield {"text": sentence, "scores": dict(zip(names, map(float, values), strict=True))}

    return tag


def _command(folder: Path) -> Tag:
    """Sentences into a file, `fasttext predict-prob` over it, and its lines back beside them."""

    def tag(texts: Iterator[str]) -> Iterator[dict[str, object]]:
        cut, told = folder / "cut.txt", folder / "told.txt"
        with cut.open("w", encoding="utf-8") as stream:
            stream.writelines(f"{sentence}\n" for text in texts for sentence in _END.split(text) if sentence)
        with told.open("wb") as stream:
            subprocess.run(["fasttext", "predict-prob", folder / "model.bin", cut, "4"], stdout=stream, check=True)
        with cut.open(encoding="utf-8", newline="\n") as sentences, told.open(encoding="utf-8") as answers:
            for sentence, answer in zip(sentences, answers, strict=True):
                words = answer.split()
                yield {"text": sentence.rstrip("\n"), "scores": dict(zip(words[::2], map(float, words[1::2]), strict=True))}

    return tag


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)


if __name__ == "__main__":
    typer.run(main)
