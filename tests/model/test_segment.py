from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import SkipReason
from model.layout import TextKind
from model.segment import segment

PIECES = st.sampled_from(
    [
        "Plan the rota. ", "e.g. ", "Ana: ", "ana: ", "Ana Silva  0:03\n", "\n", "\n\n", "\f", "- ", "1. ", "(a) ", "[x] ", "[09:01] ",
        "# Title\n", "```\n", "| a | b |\n", "\t", "  ", "\r\n", "\x00", "🙂", "שלום ", "Dr. Who said 3.5 is fine! ", "> ", ">> ",
        "From: a\n", "Subject: b\n", "--\n", "Kind regards,\n", "On Monday Bob wrote:\n", "Page 3 of 4\n", "----\n",
        "See https://a.example/b.html?c=d. ",
    ]
)  # fmt: skip


def test_threads_do_not_disturb_each_other(examples: dict[str, str]) -> None:
    texts = list(examples.values()) * 40
    expected = [segment(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(segment, texts)) == expected


@pytest.mark.parametrize("kind", TextKind)
@given(text=st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=25).map("".join))
@settings(max_examples=150, deadline=None)
def test_any_text_is_covered_whatever_its_kind(text: str, kind: TextKind) -> None:
    assert_covers(text, kind)


def test_examples_are_covered_and_round_trip(examples: dict[str, str]) -> None:
    for text in examples.values():
        assert_covers(text)


@given(st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=25).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_covered_in_order_without_overlap(text: str) -> None:
    assert_covers(text)


def assert_covers(text: str, kind: TextKind = TextKind.AUTO) -> None:
    found = segment(text, kind)
    for sentence in found.sentences:
        assert text[sentence.start : sentence.end] == sentence.text
    spans = sorted([(s.start, s.end) for s in found.sentences] + [(s.start, s.end) for s in found.skipped])
    position = 0
    for start, end in spans:
        assert position <= start < end
        assert not text[position:start].strip()
        position = end
    assert not text[position:].strip()


def sentences(text: str) -> list[str]:
    return [s.text for s in segment(text).sentences]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We met Dr. Okafor at 9 a.m. on site. He was late.", ["We met Dr. Okafor at 9 a.m. on site.", "He was late."]),
        ("Spend fell by 3.5 percent. Nobody knows why.", ["Spend fell by 3.5 percent.", "Nobody knows why."]),
        ("J. Smith signs the form today.", ["J. Smith signs the form today."]),
        ("- Manage the team rota\n- Order the paint for Leeds", ["Manage the team rota", "Order the paint for Leeds"]),
        ("We will look at the budget\nand the plan next week.", ["We will look at the budget\nand the plan next week."]),
        ("1) Set the yearly targets\n   a. Check the old ones", ["Set the yearly targets", "Check the old ones"]),
        ("He asked why. “Because we can,” she said.", ["He asked why.", "“Because we can,” she said."]),
        ("- [ ] Send the draft to Ana\n- [x] Book the large room", ["Send the draft to Ana", "Book the large room"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# Weekly notes", SkipReason.HEADING),
        ("KEY RESPONSIBILITIES", SkipReason.HEADING),
        ("Main Duties", SkipReason.HEADING),
        ("ok then", SkipReason.TOO_SHORT),
        ("```\nx = 1\n```", SkipReason.CODE),
        ("| name | hours |", SkipReason.TABLE),
        ("-----", SkipReason.MARKER),
    ],
)
def test_skipped(text: str, reason: SkipReason) -> None:
    found = segment(text)
    assert not found.sentences
    assert {s.reason for s in found.skipped} == {reason}


def test_speakers_are_taken_off_turns_but_not_off_labelled_lines() -> None:
    text = "Ana: We need more time for this.\nPiet: Then we ask for it.\nAna: I will write to them.\nAction: Ana to write to them"
    assert [(s.speaker, s.text) for s in segment(text).sentences] == [
        ("Ana", "We need more time for this."),
        ("Piet", "Then we ask for it."),
        ("Ana", "I will write to them."),
        ("Ana", "Action: Ana to write to them"),
    ]


def test_chat_time_stamps_are_skipped(examples: dict[str, str]) -> None:
    found = segment(examples["chat.txt"])
    assert {s.speaker for s in found.sentences} == {"Jonas", "Aisha", "Renske"}
    assert sum(s.reason is SkipReason.TIMESTAMP for s in found.skipped) == len(examples["chat.txt"].splitlines())


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_nothing_gives_nothing(text: str) -> None:
    found = segment(text)
    assert not found.sentences
    assert not found.skipped
