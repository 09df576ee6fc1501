"""Batch scoring from files to JSON lines on disk: speed with 1 and 2 processes, memory, other tools over the same files, broken files."""

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fasttext
import spacy
from spacy.language import Language
from spacy.training import Example as Training

from model.labels import Label
from tests.service.folders import KINDS, make_folder
from training.corpus import Example, read_corpus

HELMKEEL = Path(sys.executable).with_name("helmkeel")
REPEATS = 3
FILES = 2000
DOCUMENT_SENTENCES = 60
MEMORY_SENTENCES = (10_000, 100_000, 1_000_000)
FOLDER_FILES = 2000


def run(data: Path) -> str:
    """Measure and return Markdown."""
    examples = read_corpus(data / "corpus")
    with tempfile.TemporaryDirectory(prefix="helmkeel-benchmark-") as name:
        folder = Path(name)
        texts = make_documents(folder / "in", [example.text for example in examples], FILES)
        return "\n".join([*_speed(folder, examples, texts), "", *_memory(folder, texts), "", *_broken(folder), ""])


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
    one, two = (_best(lambda jobs=jobs: _score(folder / "in", folder / "out.jsonl", jobs)) for jobs in (1, 2))  # type: ignore[misc]
    sentences = _lines(folder / "out.jsonl")
    rows = {
        "Helmkeel, 1 process": (sentences, one),
        "Helmkeel, 2 processes": (sentences, two),
        "spaCy sentencizer and bag-of-words textcat, `nlp.pipe`": _timed(folder, texts, with_spacy(examples)),
        "fastText (words and pairs), cut by a regular expression": _timed(folder, texts, with_fasttext(folder, examples)),
    }
    yield f"{len(texts):,} text files, {sentences:,} sentences, on disk to JSON lines on disk; Helmkeel as a command from start to end,"
    yield f"the others in a running process with the model loaded. With two processes {one / two:.2f} times as fast as with one."
    yield ""
    yield "| pipeline | sentences | sentences a second |"
    yield "| --- | ---: | ---: |"
    for name, (number, seconds) in rows.items():
        yield f"| {name} | {number:,} | {number / seconds:,.0f} |"


def _memory(folder: Path, texts: list[str]) -> Iterator[str]:
    """Yield a table: the most memory the command ever held."""
    yield "| sentences, from JSON lines to JSON lines, 1 process | peak memory | sentences a second |"
    yield "| ---: | ---: | ---: |"
    for sentences in MEMORY_SENTENCES:
        path = folder / "rows.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            for number in range(sentences // DOCUMENT_SENTENCES + 1):
                stream.write(json.dumps({"id": number, "text": texts[number % len(texts)]}) + "\n")
        seconds, peak = _score(path, folder / "rows.out.jsonl", 1)
        found = _lines(folder / "rows.out.jsonl")
        yield f"| {found:,} | {peak / 1000:.0f} MB | {found / seconds:,.0f} |"


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
    """Run the command; return seconds and peak memory in kilobytes."""
    started = time.perf_counter()
    command = [str(HELMKEEL), "score", str(source), "-o", str(output), "-j", str(jobs), "-q", "--force"]
    child = os.posix_spawn(HELMKEEL, command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(child, 0)
    assert os.waitstatus_to_exitcode(status) == code
    return time.perf_counter() - started, usage.ru_maxrss


def _best(work: Callable[[], tuple[float, int]]) -> float:
    return min(work()[0] for _ in range(REPEATS))


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
    """Make a pipeline that cuts and tags; its weights are as they start, which costs the same time."""
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
    nlp.initialize(lambda: [_training(nlp, example) for example in examples[:500]])

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
    end = re.compile(r"(?<=[.!?])\s+|\n+")

    def tag(texts: Iterator[str]) -> Iterator[dict[str, object]]:
        for text in texts:
            sentences = [sentence for sentence in end.split(text) if sentence]
            labels, scores = model.predict(sentences, k=4)
            for sentence, names, values in zip(sentences, labels, scores, strict=True):
                yield {"text": sentence, "scores": dict(zip(names, map(float, values), strict=True))}

    return tag


def _lines(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for _ in stream)
