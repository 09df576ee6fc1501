"""Keeps documents true: fills in the output of commands, the data card's tables and the model card (`python -m training.docs`)."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from model.artifact import load
from model.labels import Dimension, Label
from training.corpus import Example, read_corpus

ROOT: Final = Path(__file__).resolve().parent.parent
COMMAND_OUTPUT: Final = re.compile(r"(<!-- output: helmkeel (?P<command>.*?) -->\n)```\n.*?```\n", re.DOTALL)
TABLE: Final = re.compile(r"(<!-- table: (?P<name>\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def render(document: str, corpus: list[Example], holdout: list[Example]) -> str:
    """Return a document with every marked output and table made anew."""
    tables = {"corpus": label_table(corpus), "holdout": label_table(holdout), "dimensions": dimension_table(corpus)}
    document = COMMAND_OUTPUT.sub(lambda match: f"{match[1]}```\n{command_output(match['command'])}```\n", document)
    return TABLE.sub(lambda match: match[1] + tables[match["name"]], document)


def command_output(arguments: str) -> str:
    """Run `helmkeel` with the arguments and return what it prints."""
    helmkeel = Path(sys.executable).with_name("helmkeel")
    done = subprocess.run([helmkeel, *arguments.split()], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def label_table(examples: Iterable[Example]) -> str:
    """Count sentences of each register by label."""
    counts: dict[str, Counter[Label]] = {}
    documents: dict[str, set[str]] = {}
    for example in examples:
        counts.setdefault(example.register_, Counter())[example.label] += 1
        documents.setdefault(example.register_, set()).add(example.doc)
    numbers = {name: [len(documents[name]), *(counts[name][label] for label in Label), counts[name].total()] for name in sorted(counts)}
    numbers["all"] = [sum(column) for column in zip(*numbers.values(), strict=True)]
    return _table(("register", "documents", *Label, "sentences"), [(name, *row) for name, row in numbers.items()])


def dimension_table(examples: Iterable[Example]) -> str:
    """Count oriented sentences of each dimension by label."""
    counts = Counter((example.dimension, example.label) for example in examples)
    oriented = [label for label in Label if label is not Label.NEITHER]
    return _table(("dimension", *oriented), [(d, *(counts[d, label] for label in oriented)) for d in Dimension])


def main() -> None:
    """Write README.md, data/README.md and docs/model-card.md."""
    corpus, holdout = read_corpus(ROOT / "data" / "corpus"), read_corpus(ROOT / "data" / "holdout")
    for path in (ROOT / "README.md", ROOT / "data" / "README.md"):
        path.write_text(render(path.read_text(encoding="utf-8"), corpus, holdout), encoding="utf-8")
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "model-card.md").write_text(load(ROOT / "artifact").card, encoding="utf-8")


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [
        head,
        ["---", *["---:"] * (len(head) - 1)],
        *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
