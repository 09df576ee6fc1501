"""The comparison in Markdown."""

from collections.abc import Sequence

from benchmarks.peers.compare import Figures, Interval, Options
from benchmarks.peers.protocol import THRESHOLD
from benchmarks.peers.registry import PEERS


def table(figures: Sequence[Figures]) -> str:
    """Return a row a peer."""
    judged = list(figures[0].macro_f1)
    heads = ["tagger", *(f"{what}, {name}" for name in judged for what in ("macro-F1", "leadership precision"))]
    heads += ["sentences a second", "peak memory", "on disk"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    for row in figures:
        cells = [row.entry.name, *(interval(kind[name]) for name in judged for kind in (row.macro_f1, row.precision))]
        cells += [f"{row.sentences_a_second:,.0f}", f"{row.peak_bytes / 1e6:,.0f} MB", f"{row.size_bytes / 1e6:,.1f} MB"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def interval(figure: Interval) -> str:
    """Return a figure with its 95% interval."""
    return f"{figure['value']:.3f} ({figure['low']:.3f}-{figure['high']:.3f})"


def section(figures: Sequence[Figures], options: Options, plot_name: str) -> str:
    """Return heading, explanation, plot, table and notes."""
    parts = [
        "## Tagging, beside other ways to do it",
        f"Every peer learns from the same {figures[0].trained_on:,} sentences from which `make train` learns tags, and gives\n"
        f"each of the two tags at a probability of {THRESHOLD} or more, the threshold of Helmkeel, which was read off sentences\n"
        "from outside (see the note on Helmkeel).\n"
        "Macro-F1 is over leadership, management and neither, on the hold-out, which was written\n"
        "as the corpus was, and, where GOLD is given, on sentences from outside.\n"
        "Intervals are 95%, with whole documents drawn again. Speed is from raw sentences to tags, on sentences of the corpus;\n"
        "memory is the most that a process holds which loads the trained model and tags.",
        *([f"**Trial: the peers learnt from {figures[1].trained_on:,} sentences only, Helmkeel from all.**"] if options.rows else []),
        *([] if options.rows else [f"![Accuracy against speed]({plot_name})"]),
        table(figures),
        notes(figures, options),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def notes(figures: Sequence[Figures], options: Options) -> str:
    """Return what to know about each, and which were left out."""
    lines = [f"- **{row.entry.name}**: {row.entry.note}" for row in figures]
    if not options.encoder:
        left = ", ".join(peer.name for peer in PEERS if peer.encoder)
        lines.append(f"- Left out, since they need a sentence encoder (`make benchmark ENCODER=folder`): {left}.")
    if not options.gold:
        lines.append("- No labelled sentences from outside were given (`make benchmark GOLD=file.jsonl`).")
    return "\n".join(lines) + "\n"
