"""Every message as it is today, and within Slack's limits whatever the text.

`python -m tests.service.slack.said` writes the snapshots anew; look at the difference before you keep it.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.document import tag_document
from model.labels import Concept, Dimension, Label
from model.layout import TextKind
from model.tagger import Tagger
from service.answers import tag_response
from service.schemas import EvidenceSpan, LabelCounts, ModelIdentity, SentenceAnswer, SideScores
from service.slack import messages
from service.slack.blocks import MESSAGE_BLOCKS, MESSAGE_CHARACTERS, name
from service.slack.export import csv_of
from service.slack.held import KEPT_CHARACTERS, Answers, Held
from service.slack.reading import message_text, plain
from service.slack.threads import joined
from tests.service.slack.limits import Json, check_message, check_view, texts, units
from tests.service.slack.said import HERE, contrasts, everything, held

SAID = everything()
MODEL = ModelIdentity(name="helmkeel", version="2026.11.1", sha256="f" * 64)


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_what_was_said(name: str) -> None:
    assert SAID[name] == json.loads((HERE / "snapshots" / f"{name}.json").read_text(encoding="utf-8"))


def test_there_is_no_snapshot_of_what_is_not_said() -> None:
    assert {path.stem for path in (HERE / "snapshots").iterdir()} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_is_within_the_limits(name: str) -> None:
    said = SAID[name]
    assert (check_message(said) if "text" in said else check_view(said)) == []


LONG = "We plan the budget " + "and the staffing of each and every team " * 75
HOSTILE = {
    "ten thousand sentences": "Approve the budget of the team by Friday.\n" * 10_000,
    "a sentence of 3,001 characters": LONG[:3000] + ".",
    "long sentences": f"{LONG}.\n" * 60,
    "emoji": "Plan the 🙂👩‍👩‍👧🏳️‍🌈 budget of the team 🎉🎉🎉 now " + "🙂" * 3000,
    "right to left": "צריך לאשר את התקציב של הצוות before Friday. \u202eWe plan the budget of the team\u202c now.",
    "code": "We plan it like this:\n```\nx = 1\n```\n`a` and `b` are what the team must plan ```now``` for the budget",
    "mentions": "<!channel> <!here> <@U0BOB> @channel @here <#C1|x> plan the budget <https://evil.example|of the team> *now* _and_ ~then~",
    "entities": "Plan &lt;!channel&gt; &amp;amp; the <b>budget</b> & the \\*team\\* :smile: now",
    "markup": "*" * 500 + " plan the budget of the team " + "_~`>" * 200,
    "one word": "x" * 900_000,
    "control characters": "Plan the\x00 budget\x1b[31m of the\u200b team\x07 today",
    "tables and headings": "# Plan\n| a | b |\n|---|---|\n| 1 | 2 |\n" * 500,
}


def held_of(tagger: Tagger, text: str, title: str = "Your text", notes: tuple[str, ...] = ()) -> Held:
    document = tag_document(tagger, text, TextKind.AUTO, evidence=True)
    return Held(("T0", "U0ANA"), title, tag_response(document, text, MODEL), notes)


def all_of(held: Held) -> list[Json]:
    private, public = messages.answer(held, contrasts()), messages.shared(held, contrasts(), "<!channel> *ana*")
    pages = {0, 1, 2, 77, len(held.answer.sentences) // messages.PAGE, 10**9, -1}
    return [{"text": m.text, "blocks": m.blocks} for m in (private, public)] + [messages.window(held, page) for page in pages]


def within_limits(held: Held) -> None:
    for said in all_of(held):
        assert (check_view(said) if said.get("type") else check_message(said)) == []
        if "text" in said:
            assert sum(map(units, texts(said["blocks"]))) <= MESSAGE_CHARACTERS
            assert len(said["blocks"]) <= MESSAGE_BLOCKS - 5


def marked_up(value: object) -> list[str]:
    """All text that Slack parses: `mrkdwn`, and the line for notifications."""
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        line = [value["text"]] if isinstance(value.get("text"), str) and "blocks" in value else []
        return own + line + [t for part in value.values() for t in marked_up(part)]
    return [t for part in value for t in marked_up(part)] if isinstance(value, list) else []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_stays_within_the_limits_and_is_never_parsed(tagger: Tagger, text: str) -> None:
    held = held_of(tagger, text, title=f"<!channel> {text[:300]}\n")
    for index in range(0, min(len(held.answer.sentences), 40), 2):
        held.corrections[index] = Label.MANAGEMENT
    within_limits(held)
    harmless = {t for name in ("answer", "shared") for t in marked_up(SAID[name])}
    for said in all_of(held):
        for parsed in marked_up(said):
            assert "<" not in parsed
            assert (
                not any(word in parsed for word in ("channel>", "evil", "U0BOB", "smile", "staffing of each", "\u202e"))
                or parsed in harmless
            )


def test_what_is_cut_is_counted(tagger: Tagger) -> None:
    held = held_of(tagger, HOSTILE["a sentence of 3,001 characters"])
    (sentence,) = held.answer.sentences
    assert len(sentence.text) == 3001
    said = all_of(held)
    assert "(2,501 more characters; the CSV file has them)" in "".join(texts(said[0]["blocks"]))
    assert "(2,001 more characters; the CSV file has them)" in "".join(texts(said[2]["blocks"]))
    assert sentence.text in csv_of(held.answer).decode("utf-8-sig")
    many = "".join(texts(messages.answer(held_of(tagger, "Approve the budget of the team by Friday.\n" * 1_000), contrasts()).blocks))
    assert "the 5 most telling of 1,000" in many
    assert "Show all 1,000" in many


def test_the_pages_of_a_window_hold_every_sentence_once(tagger: Tagger) -> None:
    held = held_of(tagger, "\n".join(f"Approve the budget of team number {n} today." for n in range(101)))
    pages = [messages.window(held, page) for page in range(6)]
    shown = [block["block_id"] for page in pages for block in page["blocks"] if block["type"] == "rich_text"]
    assert shown == [f"sentence:{n}" for n in range(101)]
    assert messages.window(held, 99) == pages[-1]


def test_many_speakers_are_cut_with_a_number(tagger: Tagger) -> None:
    texts_ = ["Approve the budget of the team by Friday."] * 40
    answers = [held_of(tagger, text).answer for text in texts_]
    whole = joined([f"Speaker *{n}* <!here> " + "x" * 300 for n in range(40)], texts_, answers)
    held = Held(("T0", "U"), "Thread", whole)
    within_limits(held)
    assert "and 30 more who said less" in "".join(texts(messages.answer(held, contrasts()).blocks))


def test_the_most_telling_sentences_are_the_surest_and_of_every_label() -> None:
    sentences = held("job-description", "x").answer.sentences
    chosen = messages.most_telling(sentences)
    assert [s.index for s in chosen] == sorted(s.index for s in chosen)
    assert {s.label for s in chosen} == {s.label for s in sentences} - {Label.NEITHER}
    assert messages.most_telling(sentences[:5]) == sentences[:5]
    assert messages.most_telling(sentences[:5] * 2) == []  # none is oriented


span = st.tuples(st.integers(0, 30), st.integers(1, 8), st.floats(-2, 2, allow_nan=False))


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=3, max_size=900), st.lists(span, max_size=8), st.integers(1, 700), st.integers(0, 50))
def test_a_quotation_is_the_sentence_with_its_evidence_in_bold(
    text: str, spans: list[tuple[int, int, float]], limit: int, start: int
) -> None:
    evidence, at = [], 0
    for gap, length, weight in spans:
        begin, end = at + gap, min(at + gap + length, len(text))
        if begin < end:
            evidence.append(EvidenceSpan(start=start + begin, end=start + end, text=text[begin:end], leadership=weight, management=-weight))
            at = end
    sentence = SentenceAnswer(
        index=0, start=start, end=start + len(text), text=text, label=Label.LEADERSHIP, scores=SideScores(leadership=0.9, management=0.1),
        dimension=Dimension.PURPOSE, concept=Concept.VISION, speaker=None, abstained=False, evidence=evidence,
    )  # fmt: skip
    parts = messages.quoted(sentence, limit)
    kept = [part for part in parts if not part.get("style", {}).get("italic")]
    assert "".join(part["text"] for part in kept) == text[:limit]
    assert all(part["text"] for part in parts)
    assert (len(parts) > len(kept)) is (len(text) > limit)
    bold = [part["text"] for part in kept if part.get("style", {}).get("bold")]
    assert all(any(e.text.startswith(word) for e in evidence) for word in bold)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=4, max_size=4), st.integers(1, 20))
def test_the_bar_has_as_many_squares_as_it_should(counts: list[int], squares: int) -> None:
    total = sum(counts)
    drawn = messages.bar(
        LabelCounts(sentences=total, leadership=counts[0], management=counts[1], mixed=counts[2], neither=counts[3]), squares
    )
    assert len(drawn) == (squares if total else 0) or not total
    if total:
        assert abs(drawn.count("🟦") - squares * counts[0] / total) <= 1


@pytest.mark.parametrize(
    ("slack", "meant"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@U1> and <@U2|bob> and <@U3>", "@Ana and @bob and @someone"),
        ("<#C1|general> <#C2>", "#general #channel"),
        ("<!here> <!channel> <!subteam^S1|@leads> <!date^1^{date}|today>", "@here @channel @leads today"),
        (
            "<https://a.example/x?y=1&amp;z=2> <https://a.example|the plan> <mailto:a@b.example>",
            "https://a.example/x?y=1&z=2 the plan a@b.example",
        ),
        ("1 < 2 and <unclosed", "1 < 2 and <unclosed"),
        ("<>", ""),
        ("plain", "plain"),
    ],
)
def test_the_markup_of_slack_is_undone(slack: str, meant: str) -> None:
    assert plain(slack, {"U1": "Ana"}) == meant


def test_what_was_forwarded_belongs_to_the_message() -> None:
    message = {"text": "See below", "attachments": [{"is_share": True, "text": "Plan &amp; budget"}, {"text": "a preview of a link"}]}
    assert message_text(message) == "See below\n\nPlan & budget"
    assert message_text({"text": None}) == ""


def test_a_thread_is_tagged_as_its_messages_are(tagger: Tagger, examples: dict[str, str]) -> None:
    answers = [held_of(tagger, text).answer for text in examples.values()]
    whole = joined(list(examples), list(examples.values()), answers)
    document = "\n\n".join(examples.values())
    assert [(s.label, s.scores, s.dimension) for s in whole.sentences] == [
        (s.label, s.scores, s.dimension) for a in answers for s in a.sentences
    ]
    for sentence in whole.sentences:
        assert document[sentence.start : sentence.end] == sentence.text
        assert all(document[e.start : e.end] == e.text for e in sentence.evidence or ())
    assert whole.counts.sentences == sum(a.counts.sentences for a in answers) == sum(c.sentences for c in whole.speakers.values())
    assert {d: c.leadership for d, c in whole.dimensions.items()} == {
        d: sum(a.dimensions[d].leadership for a in answers if d in a.dimensions) for d in whole.dimensions
    }
    assert whole.coverage.characters == whole.coverage.scored + sum(whole.coverage.skipped.values())
    assert list(whole.concepts) == [c for c in Concept if c in whole.concepts]
    single = joined(["Ana"], [examples["strategy.md"]], [held_of(tagger, examples["strategy.md"]).answer])
    assert single.label == held_of(tagger, examples["strategy.md"]).answer.label
    assert single.shares == held_of(tagger, examples["strategy.md"]).answer.shares


def test_answers_make_room_and_belong_to_one_person(tagger: Tagger) -> None:
    answers, held = Answers(), held_of(tagger, "Approve the budget of the team.")
    answers.keep(held)
    assert answers.find(held.id, ("T0", "U0ANA")) is held
    assert answers.find(held.id, ("T0", "U0EVE")) is None
    assert answers.find(held.id, ("T1", "U0ANA")) is None
    sentence = held.answer.sentences[0].model_copy(update={"text": "x" * KEPT_CHARACTERS})
    huge = Held(("T0", "U"), "x", held.answer.model_copy(update={"sentences": [sentence]}))
    answers.keep(huge)
    assert answers.find(huge.id, huge.owner) is huge
    assert answers.find(held.id, held.owner) is None


def test_names_stay_on_one_line() -> None:
    assert name(" a\nb\t ") == "a b"
    assert name("\n") == "unnamed"
    assert len(name("x" * 500)) == 60
