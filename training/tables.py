"""The tables of the data card: what the corpus holds, how far its readers agree, and where its documents come from."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sklearn.metrics import cohen_kappa_score

from model.labels import Concept, Dimension, Label
from training.corpus import Disputed, DocumentFacts, Example, read_corpus, read_lines

_ORIENTED: Final = tuple(label for label in Label if label is not Label.NEITHER)


@dataclass(frozen=True)
class Data:
    """Everything under `data/` that the data card counts.

    Attributes:
        corpus, holdout: labelled sentences, for training and for measuring.
        disputed: sentences dropped because no label had most of their readings.
        facts: where documents come from, by document.
    """

    corpus: list[Example]
    holdout: list[Example]
    disputed: list[Disputed]
    facts: dict[str, DocumentFacts]


def read_data(folder: Path) -> Data:
    """Read the corpus, the hold-out, the dropped sentences and the facts. Raises CorpusError where a line breaks its schema."""
    return Data(
        read_corpus(folder / "corpus"),
        read_corpus(folder / "holdout"),
        list(read_lines(folder / "disputed.jsonl", Disputed)),
        {facts.doc: facts for facts in read_lines(folder / "documents.jsonl", DocumentFacts)},
    )


def label_table(examples: Iterable[Example]) -> str:
    """Count sentences of each register by label."""
    counts: dict[str, Counter[Label]] = {}
    documents: dict[str, set[str]] = {}
    for example in examples:
        counts.setdefault(example.register_, Counter())[example.label] += 1
        documents.setdefault(example.register_, set()).add(example.doc)
    numbers = {name: [len(documents[name]), *(counts[name][label] for label in Label), counts[name].total()] for name in sorted(counts)}
    numbers["all"] = [sum(column) for column in zip(*numbers.values(), strict=True)]
    return table(("register", "documents", *Label, "sentences"), [(name, *row) for name, row in numbers.items()])


def dimension_table(examples: Iterable[Example]) -> str:
    """Count oriented sentences of each dimension by label."""
    counts = Counter((example.dimension, example.label) for example in examples)
    return table(("dimension", *_ORIENTED), [(d, *(counts[d, label] for label in _ORIENTED)) for d in Dimension])


def concept_table(examples: Iterable[Example]) -> str:
    """Count the sentences that show each framework concept."""
    counts = Counter(example.concept for example in examples)
    return table(("concept", "sentences"), [(concept, counts[concept]) for concept in Concept])


def agreement_table(readings: Iterable[tuple[str, Sequence[Label]]]) -> str:
    """Compare the first two readings of each sentence, by register: percent of equal labels, and Cohen's kappa (Cohen 1960)."""
    pairs: dict[str, list[tuple[Label, Label]]] = {}
    for register, labels in readings:
        if len(labels) > 1:
            pairs.setdefault(register, []).append((labels[0], labels[1]))
    rows = [(name, *_agreement(pairs[name])) for name in sorted(pairs)]
    return table(
        ("register", "sentences read twice", "equal", "kappa"),
        [*rows, ("all", *_agreement([pair for of_register in pairs.values() for pair in of_register]))],
    )


def sector_table(data: Data) -> str:
    """Count documents and sentences of each sector."""
    return _facts_table(data, "sector", lambda facts: facts.sector)


def country_table(data: Data) -> str:
    """Count documents and sentences of each country."""
    return _facts_table(data, "country", lambda facts: facts.country)


def english_table(data: Data) -> str:
    """Count documents and sentences of each variety of English."""
    return _facts_table(data, "English", lambda facts: facts.english)


def polish_table(data: Data) -> str:
    """Count documents and sentences by how carefully they are written."""
    return _facts_table(data, "polish", lambda facts: facts.polish)


def length_table(examples: Iterable[Example]) -> str:
    """Count sentences by their number of words."""
    edges = (3, 8, 15, 25, 40)
    names = ("1 to 3", "4 to 8", "9 to 15", "16 to 25", "26 to 40", "over 40")
    counts = Counter(names[sum(len(example.text.split()) > edge for edge in edges)] for example in examples)
    return table(("words", "sentences"), [(name, counts[name]) for name in names])


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; numbers stand on the right."""
    head = list(head)
    lines = [
        head,
        ["---", *["---:"] * (len(head) - 1)],
        *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _agreement(pairs: Sequence[tuple[Label, Label]]) -> tuple[int, str, str]:
    first, second = zip(*pairs, strict=True)
    equal = sum(a is b for a, b in pairs) / len(pairs)
    return len(pairs), f"{equal:.1%}", f"{cohen_kappa_score(first, second):.2f}"


def _facts_table(data: Data, head: str, fact: Callable[[DocumentFacts], str | None]) -> str:
    sentences: Counter[str] = Counter()
    documents: dict[str, set[str]] = {}
    for example in [*data.corpus, *data.holdout]:
        value = fact(data.facts[example.doc]) or "not recorded"
        sentences[value] += 1
        documents.setdefault(value, set()).add(example.doc)
    rows = [(value, len(documents[value]), count) for value, count in sorted(sentences.items(), key=lambda item: (-item[1], item[0]))]
    return table((head, "documents", "sentences"), rows)
