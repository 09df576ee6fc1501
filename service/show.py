"""Shows answers to a person in a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from model.artifact import Artifact
from model.contrasts import Contrasts
from model.labels import Label, Side, Verdict
from service.schemas import EvidenceSpan, SentenceAnswer, TagResponse
from service.settings import Settings

_STYLES = {
    Label.LEADERSHIP: "bold cyan",
    Label.MANAGEMENT: "bold yellow",
    Label.MIXED: "bold magenta",
    Label.NEITHER: "dim",
}
_BAR = 40
_BOLD_SHARE = 0.5  # evidence at least this strong, against the strongest word of the sentence, is set in bold
_VERDICTS = {
    Verdict.LEADERSHIP: "leadership-oriented",
    Verdict.MANAGEMENT: "management-oriented",
    Verdict.MIXED: "mixed: neither side has 60% of the oriented sentences",
    Verdict.NEITHER: "neither: under 5% of the sentences are oriented",
    Verdict.INSUFFICIENT: "too little text for a verdict (under 5 sentences and 50 words)",
}


def show(answer: TagResponse, contrasts: Contrasts, *, everything: bool) -> None:
    """Print the verdict, the balance, and the oriented sentences with their strongest words in bold; all sentences with `everything`."""
    console = Console(soft_wrap=True)
    console.print(Text(_VERDICTS[answer.label], style="bold"))
    counts = answer.counts
    if counts.sentences:
        console.print(_bar(answer))
    console.print(
        f"{counts.sentences} sentences: {counts.leadership} leadership, {counts.management} management, {counts.mixed} mixed,"
        f" {counts.neither} neither; {len(answer.skipped)} spans skipped",
        highlight=False,
    )
    for warning in answer.warnings:
        console.print(f"warning: {warning.detail}", style="red", highlight=False)
    for sentence in answer.sentences:
        if everything or sentence.label is not Label.NEITHER:
            console.print(_line(sentence))
    for dimension, sides in answer.dimensions.items():
        contrast = next(c for c in contrasts.contrasts if c.id is dimension)
        console.print(f"\n[bold]{dimension}[/bold]: {sides.leadership} leadership, {sides.management} management", highlight=False)
        for side in (side for side in Side if getattr(sides, side)):
            console.print(f"  [dim]{side}: {escape(contrast.side(side).statements[0].text)}[/dim]", highlight=False)


def telling(sentence: SentenceAnswer) -> list[EvidenceSpan]:
    """Return the words that speak for the label, in order: those at least half as strong as the strongest."""
    evidence = sentence.evidence or []
    sides = [side for side in Side if side in sentence.label.tags]
    weights = [max((getattr(e, side) for side in sides), default=0.0) for e in evidence]
    strongest = max(weights, default=0.0)
    return [e for e, weight in zip(evidence, weights, strict=True) if weight > 0 and weight >= _BOLD_SHARE * strongest]


def show_info(settings: Settings, artifact: Artifact | None) -> None:
    """Print what is installed, or what is missing and what to do."""
    rows = {"artifact": str(settings.artifact), "data folder": str(settings.data), "model": "none yet; `helmkeel train` makes it"}
    if artifact:
        manifest, macro = artifact.manifest, artifact.metrics["holdout"]["macro_f1"]
        rows |= {
            "model": f"{manifest.name} {manifest.version}, sha256 {artifact.sha256}",
            "training data": f"sha256 {manifest.data_sha256}",
            "macro-F1 on the hold-out": f"{macro['value']:.3f} ({macro['low']:.3f} to {macro['high']:.3f})",
            "thresholds": ", ".join(f"{side} {value:.2f}" for side, value in manifest.thresholds.items()),
            "trained with": ", ".join(f"{name} {number}" for name, number in manifest.libraries.items()),
        }
    console = Console(soft_wrap=True)
    for name, value in rows.items():
        console.print(f"{name:<25} {value}", highlight=False, markup=False)


def _bar(answer: TagResponse) -> Text:
    text = Text()
    for label, sign in ((Label.LEADERSHIP, "█"), (Label.MIXED, "▓"), (Label.MANAGEMENT, "▒"), (Label.NEITHER, "░")):
        share: float = getattr(answer.shares, label)
        text.append(sign * round(share * _BAR), style=_STYLES[label])
    text.append(f"  leadership {answer.shares.leadership:.0%}, management {answer.shares.management:.0%}")
    return text


def _line(sentence: SentenceAnswer) -> Text:
    line = Text(f"{sentence.label:<10} ", style=_STYLES[sentence.label])
    line.append(f"L {sentence.scores.leadership:.2f} M {sentence.scores.management:.2f}  ", style="dim")
    if sentence.speaker:
        line.append(f"{sentence.speaker}: ", style="italic dim")
    body = Text(sentence.text, style="default")
    for e in telling(sentence):
        body.stylize("bold underline", e.start - sentence.start, e.end - sentence.start)
    line.append_text(body)
    if sentence.dimension:
        line.append(f"  [{sentence.dimension}{f', {sentence.concept}' if sentence.concept else ''}]", style="dim")
    return line
