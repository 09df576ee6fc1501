"""Finds sentences that say what another one says: within the corpus, and between the corpus and sentences kept for measuring.

`python -m training.duplicates [FILE.jsonl]` lists them; FILE holds sentences that the corpus must not repeat (a field `text` a line).
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

SHINGLE: Final = 4
"""Words in a run: sentences that share most runs of this many words are near duplicates."""
LIKE_OUTSIDE: Final = 0.5
"""Share of a sentence's runs that may stand in a sentence from outside the project before it counts as taken from there."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

Shingles = frozenset[tuple[str, ...]]


def near_duplicates(texts: Sequence[str], share: float) -> Iterator[tuple[int, int]]:
    """Yield (earlier, later) for each sentence that repeats an earlier one, which stays.

    Two sentences are the same when their words are, whatever the case and punctuation, and near duplicates when the Jaccard index of
    their sets of four-word runs reaches `share`, in (0, 1]. Sentences of fewer than four words are compared as a whole. A sentence that
    repeats another is not compared with later ones.
    """
    kept: dict[int, Shingles] = {}
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for later, text in enumerate(texts):
        own = shingles_of(text)
        shared = _shared(own, holders)
        earlier = next((h for h, count in shared.items() if count / (len(own) + len(kept[h]) - count) >= share), None)
        if earlier is not None:
            yield earlier, later
            continue
        for shingle in own:
            holders[shingle].append(later)
        kept[later] = own


def taken_from(texts: Sequence[str], others: Sequence[str], share: float = LIKE_OUTSIDE) -> list[int]:
    """Return which of the texts have at least `share` of their four-word runs in one of the others; shorter texts must be the same."""
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, other in enumerate(others):
        for shingle in shingles_of(other):
            holders[shingle].append(i)
    taken = []
    for i, text in enumerate(texts):
        own = shingles_of(text)
        shared = _shared(own, holders)
        if max(shared.values(), default=0) >= share * len(own):
            taken.append(i)
    return taken


def shingles_of(text: str) -> Shingles:
    """Return the four-word runs of a text, or its only run where it is shorter."""
    words = tuple(_WORD.findall(text.lower()))
    return frozenset(words[i : i + SHINGLE] for i in range(max(1, len(words) - SHINGLE + 1)))


def _shared(own: Shingles, holders: Mapping[tuple[str, ...], list[int]]) -> Counter[int]:
    """Count the runs shared with each holder."""
    return Counter(holder for shingle in own for holder in holders.get(shingle, ()))


def main() -> None:
    """List the repeated sentences of `data/`, and exit 1 where there are any."""
    from training.config import load_config
    from training.corpus import read_corpus
    from training.outside import read_examples

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("outside", type=Path, nargs="?", metavar="FILE.jsonl", help="sentences that the corpus must not repeat")
    parser.add_argument("--data", type=Path, default=Path("data"))
    arguments = parser.parse_args()
    examples = [*read_corpus(arguments.data / "corpus"), *read_corpus(arguments.data / "holdout")]
    texts = [example.text for example in examples]
    lines = [
        f"{examples[later].doc}: {texts[later]!r} repeats {examples[earlier].doc}: {texts[earlier]!r}"
        for earlier, later in near_duplicates(texts, load_config().data.near_duplicate)
    ]
    if arguments.outside:
        others = [example.text for example in read_examples(arguments.outside)]
        lines += [f"{examples[i].doc}: {texts[i]!r} stands in {arguments.outside}" for i in taken_from(texts, others)]
    sys.stdout.writelines(line + "\n" for line in lines)
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
