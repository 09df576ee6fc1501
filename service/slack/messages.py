"""What the app says: pure functions from a tagged document to messages and views within Slack's limits."""

from typing import Any, Final

from model.contrasts import Contrasts
from model.labels import Dimension, Label, Side, Verdict
from service.schemas import LabelCounts, SentenceAnswer
from service.show import telling
from service.slack import blocks as b
from service.slack.blocks import Block, Element, Message
from service.slack.held import Held

TOP: Final = 5
"""Sentences shown in a message; a window shows them all."""
PAGE: Final = 20
"""Sentences on a page of the window: two blocks each, of the 100 a window may have."""
_SENTENCE: Final = 500
_SENTENCE_IN_WINDOW: Final = 1000
_SPEAKERS: Final = 10
_TITLE: Final = 150
_SQUARES: Final = 20

SIGNS: Final = {Label.LEADERSHIP: "🟦", Label.MIXED: "🟪", Label.MANAGEMENT: "🟧", Label.NEITHER: "⬜"}
_NAMES: Final = {Label.LEADERSHIP: "leadership", Label.MIXED: "both", Label.MANAGEMENT: "management", Label.NEITHER: "neither"}
_VERDICTS: Final = {
    Verdict.LEADERSHIP: "Leadership-oriented",
    Verdict.MANAGEMENT: "Management-oriented",
    Verdict.MIXED: "Mixed: neither side has 60% of the oriented sentences",
    Verdict.NEITHER: "Neither: under 5% of the sentences are oriented",
    Verdict.INSUFFICIENT: "Too little text for a verdict",
}
CORRECTABLE: Final = (Label.LEADERSHIP, Label.MANAGEMENT, Label.NEITHER)


def answer(held: Held, contrasts: Contrasts) -> Message:
    """The private answer: verdict, balance, most telling sentences with their buttons, contrast, and what to do next."""
    found, counts = held.answer, held.answer.counts
    shown = most_telling(found.sentences)
    blocks = [*_summary(held), *_sentences(held, shown, _SENTENCE), *_contrast(held, contrasts), *_speakers(found.speakers)]
    buttons = [b.button("CSV file", "csv", held.id), b.button("Share in channel", "share", held.id)]
    if counts.sentences > len(shown):
        buttons.insert(0, b.button(f"Show all {counts.sentences:,}", "show_all", held.id, style="primary"))
    blocks += [b.actions("answer", *buttons)] if counts.sentences else []
    hint = " Wrong? The buttons under a sentence keep it as a correction." if shown else ""
    blocks.append(_small_print(held, f"Only you see this, and nothing of it is stored.{hint}"))
    return Message(_line(held), blocks)


def shared(held: Held, contrasts: Contrasts, sharer: str) -> Message:
    """The answer for everybody in the channel: no buttons, as they would stop working."""
    shown = most_telling(held.answer.sentences)
    blocks = [*_summary(held), *_sentences(held, shown, _SENTENCE, buttons=False), *_contrast(held, contrasts)]
    blocks += [*_speakers(held.answer.speakers), b.context(b.plain(f"Shared by {b.name(sharer)}")), _small_print(held)]
    return Message(_line(held), blocks)


def window(held: Held, page: int) -> dict[str, Any]:
    """The window with all sentences, a page of them; a page that does not exist becomes the nearest one."""
    total = len(held.answer.sentences)
    last = max(0, (total - 1) // PAGE)
    page = min(max(page, 0), last)
    part = held.answer.sentences[page * PAGE : (page + 1) * PAGE]
    span = f"Sentences {part[0].index + 1:,} to {part[-1].index + 1:,} of {total:,}" if part else "No sentences"
    turns = [
        b.button(text, f"page:{name}", str(to))
        for text, name, to in (
            ("First", "first", 0),
            ("Previous", "previous", page - 1),
            ("Next", "next", page + 1),
            ("Last", "last", last),
        )
        if to != page and 0 <= to <= last and (name in {"previous", "next"} or abs(to - page) > 1)
    ]
    turning = [b.actions("pages", *turns)] if turns else []
    heading = b.context(b.plain(f"{b.name(held.title, _TITLE)} · {span}"))
    blocks = [heading, *_sentences(held, part, _SENTENCE_IN_WINDOW), *turning]
    return {
        "type": "modal",
        "callback_id": "sentences",
        "title": b.plain("All sentences"),
        "close": b.plain("Close"),
        "private_metadata": f"{held.id}:{page}",
        "blocks": blocks,
    }


def notice(text: str, request_id: str | None = None) -> Message:
    """A few words to one person; with a request id where they may want to ask about it."""
    small = [b.context(b.plain(f"Request {request_id}"))] if request_id else []
    return Message(text, [b.rich(b.word(text)), *small])


def table(held: Held) -> Message:
    """What comes with the table of all sentences."""
    return notice(f"{b.number(held.answer.counts.sentences, 'sentence')} as a table. It is here until you delete it.")


def most_telling(sentences: list[SentenceAnswer]) -> list[SentenceAnswer]:
    """Return the oriented sentences the model is surest of, the surest of each label among them; every sentence where there are few."""
    if len(sentences) <= TOP:
        return sentences
    ranked = sorted((s for s in sentences if s.label is not Label.NEITHER), key=lambda s: (-_confidence(s), s.index))
    first = {s.label: s.index for s in reversed(ranked)}
    ranked.sort(key=lambda s: s.index != first[s.label])
    return sorted(ranked[:TOP], key=lambda s: s.index)


def _line(held: Held) -> str:
    counts = held.answer.counts
    verdict = _VERDICTS[held.answer.label]
    return f"{verdict}. {b.number(counts.sentences, 'sentence')}: {counts.leadership:,} leadership, {counts.management:,} management."


def _summary(held: Held) -> list[Block]:
    found, counts = held.answer, held.answer.counts
    blocks = [b.header(_VERDICTS[found.label]), b.context(b.plain(b.name(held.title, _TITLE)))]
    if counts.sentences:
        legend = " · ".join(f"{SIGNS[label]} {getattr(found.shares, label):.0%} {_NAMES[label]}" for label in SIGNS)
        blocks.append(b.section(f"{bar(counts)}\n{legend} · {b.number(counts.sentences, 'sentence')}"))
    notes = [*held.notes, *(warning.detail + "." for warning in found.warnings)]
    if not counts.sentences:
        notes.append("There is no sentence of three words or more to tag.")
    elif not counts.sentences - counts.neither:
        notes.append("No sentence is about leading or managing.")
    if found.skipped and counts.sentences:
        spans = b.number(len(found.skipped), "stretch", "stretches")
        notes.append(f"{spans} of the text not scored: headings, fragments, code and the like.")
    shown = len(most_telling(found.sentences))
    if shown and shown < counts.sentences:
        notes.append(
            f"Below, the {shown} most telling of {counts.sentences:,}."
            if shown > 1
            else f"Below, the most telling of {counts.sentences:,}."
        )
    return [*blocks, b.context(b.plain(b.cut(" ".join(notes), b.FIELD_CHARACTERS)))] if notes else blocks


def bar(counts: LabelCounts, squares: int = _SQUARES) -> str:
    """Draw the balance as a row of squares, shared out by largest remainder so that they add up."""
    total = counts.sentences or 1
    exact = {label: getattr(counts, label) * squares / total for label in SIGNS}
    drawn = {label: int(value) for label, value in exact.items()}
    for label in sorted(SIGNS, key=lambda label: drawn[label] - exact[label])[: squares - sum(drawn.values())]:
        drawn[label] += 1
    return "".join(SIGNS[label] * number for label, number in drawn.items())


def _sentences(held: Held, sentences: list[SentenceAnswer], limit: int, *, buttons: bool = True) -> list[Block]:
    blocks: list[Block] = []
    for sentence in sentences:
        blocks.append(b.rich(*_verdict_of(sentence), quote=quoted(sentence, limit), block_id=f"sentence:{sentence.index}"))
        corrected = held.corrections.get(sentence.index)
        if buttons and corrected:
            blocks.append(b.context(b.plain(f"Kept as a correction: {corrected}. Thank you.")))
        elif buttons:
            value = f"{held.id}:{sentence.index}"
            row = [b.button(label.capitalize(), f"correct:{label}", value) for label in CORRECTABLE]
            blocks.append(b.actions(f"correct:{sentence.index}", *row))
    return blocks


def _verdict_of(sentence: SentenceAnswer) -> list[Element]:
    name = "Both" if sentence.label is Label.MIXED else sentence.label.capitalize()
    parts = [b.word(f"{SIGNS[sentence.label]} "), b.word(name, bold=True)]
    if sentence.abstained:
        parts.append(b.word(" too few words the model knows"))
    else:
        parts.append(b.word(f" {_confidence(sentence):.0%}"))
    topics = dict.fromkeys(str(topic) for topic in (sentence.dimension, sentence.concept) if topic)
    if topics:
        parts.append(b.word(f" · {', '.join(topics)}"))
    if sentence.speaker:
        parts.append(b.word(f" · {b.name(sentence.speaker)}"))
    return parts


def _confidence(sentence: SentenceAnswer) -> float:
    """How sure the model is of the label: of `mixed` as sure as of the weaker tag, of `neither` as of the stronger one's absence."""
    scores = {side: float(getattr(sentence.scores, side)) for side in Side}
    tags = sentence.label.tags
    return min(scores[side] for side in tags) if tags else 1 - max(scores.values())


def quoted(sentence: SentenceAnswer, limit: int) -> list[Element]:
    """Return the sentence as rich text with its evidence in bold; where it is longer than `limit` characters, how much is left out."""
    parts: list[Element] = []
    at, end = 0, min(len(sentence.text), limit)
    for evidence in telling(sentence):
        start, stop = evidence.start - sentence.start, min(evidence.end - sentence.start, end)
        if start >= end:
            break
        parts += [b.word(sentence.text[at:start])] if start > at else []
        parts.append(b.word(sentence.text[start:stop], bold=True))
        at = stop
    parts += [b.word(sentence.text[at:end])] if end > at else []
    if end < len(sentence.text):
        parts.append(b.word(f" … ({len(sentence.text) - end:,} more characters; the CSV file has them)", italic=True))
    return parts


def _contrast(held: Held, contrasts: Contrasts) -> list[Block]:
    """The contrast of the document that most sentences speak to, in the document's words."""
    dimensions = held.answer.dimensions
    if not dimensions:
        return []
    top: Dimension = max(dimensions, key=lambda d: dimensions[d].leadership + dimensions[d].management)
    contrast = next(c for c in contrasts.contrasts if c.id is top)
    counts = dimensions[top]
    heading = f"*The contrast spoken to most: {top}* ({counts.leadership} leadership, {counts.management} management)"
    return [b.section(heading), side_by_side(*(contrast.side(side).statements[0].text for side in Side))]


def side_by_side(leadership: str, management: str) -> Block:
    """The words of the source document on both sides."""
    texts = (
        f"*{name}*\n{b.cut(text, b.FIELD_CHARACTERS - 100)}" for name, text in (("Leadership", leadership), ("Management", management))
    )
    return b.columns(*texts)


def _speakers(speakers: dict[str, LabelCounts]) -> list[Block]:
    if not speakers:
        return []
    ranked = sorted(speakers.items(), key=lambda item: -item[1].sentences)
    lines = []
    for name, counts in ranked[:_SPEAKERS]:
        shares = f"{counts.leadership / counts.sentences:.0%} leadership, {counts.management / counts.sentences:.0%} management"
        lines.append(f"{bar(counts, 10)} {b.name(name)}: {shares} of {counts.sentences:,}")
    if len(ranked) > _SPEAKERS:
        lines.append(f"and {len(ranked) - _SPEAKERS:,} more who said less")
    return [b.rich(b.word("By speaker\n", bold=True), b.word("\n".join(lines)))]


def _small_print(held: Held, text: str = "") -> Block:
    model = held.answer.model
    return b.context(b.plain(f"{text} Not for judging a person. Helmkeel {model.version}, model {model.sha256[:8]}.".strip()))
