import json
import shutil
from pathlib import Path

import pytest

from model.contrasts import load_contrasts
from model.labels import Concept, Dimension, Label, Side
from service.settings import ROOT
from training.build import DataSet, Row, build, contrast_rows, frames, gerund, third_person, without_duplicates
from training.corpus import CorpusError, Example, Manner, read_corpus, settled

DATA = ROOT / "data"


def row(text: str, doc: str = "d") -> Row:
    return Row(doc, "other", text, Label.NEITHER, None, (), None, None, Manner.PARTICULAR)


@pytest.mark.parametrize(
    ("verb", "ing", "s"),
    [
        ("set", "setting", "sets"),
        ("plan", "planning", "plans"),
        ("shape", "shaping", "shapes"),
        ("express", "expressing", "expresses"),
        ("carry", "carrying", "carries"),
        ("delegate", "delegating", "delegates"),
        ("win", "winning", "wins"),
        ("show", "showing", "shows"),
        ("keep", "keeping", "keeps"),
    ],
)
def test_inflection(verb: str, ing: str, s: str) -> None:
    assert gerund(verb) == ing
    assert third_person(verb) == s


def test_frames_of_a_claim() -> None:
    assert frames("set goals and targets") == [
        "Set goals and targets",
        "Responsible for setting goals and targets.",
        "Agreed that we need to set goals and targets.",
        "I spend most of my time trying to set goals and targets.",
        "She sets goals and targets.",
    ]


def test_every_contrast_becomes_examples_that_carry_it() -> None:
    contrasts = load_contrasts(DATA / "contrasts.yaml")
    rows = contrast_rows(contrasts)
    assert {(r.label, r.dimension) for r in rows} == {(Label(side), dimension) for side in Side for dimension in Dimension}
    statements = {s.text for c in contrasts.contrasts for side in Side for s in c.side(side).statements} | {
        u.text for u in contrasts.unpaired
    }
    assert {r.contrast for r in rows} == statements
    assert {r.concept for r in rows if r.label is Label.LEADERSHIP} == set(Concept)
    assert all((r.concept is None) == (r.label is Label.MANAGEMENT) for r in rows)


def test_a_repeated_row_goes_and_the_first_stays() -> None:
    rows = [row("Please send the signed form to the office by Friday."), row("please send the signed form to the office by Friday")]
    assert without_duplicates(rows, 0.7) == rows[:1]


def test_oriented_corpus_sentences_carry_the_statement_of_their_dimension(dataset: DataSet) -> None:
    contrasts = load_contrasts(DATA / "contrasts.yaml")
    by_dimension = {c.id: c for c in contrasts.contrasts}
    management = next(r for r in dataset.rows if r.register != "contrast" and r.label is Label.MANAGEMENT)
    assert management.dimension is not None
    assert management.contrast == by_dimension[management.dimension].management.statements[0].text
    assert all((r.contrast is None) == (r.label is Label.NEITHER) for r in dataset.rows)


def test_the_data_set_has_a_hash_that_changes_with_the_data(small_data: Path, tmp_path: Path) -> None:
    small = Path(shutil.copytree(small_data, tmp_path / "data", symlinks=True))
    first = build(small, 0.7).sha256
    assert build(small, 0.7).sha256 == first
    path = next((small / "corpus").glob("*.jsonl"))
    path.write_text(path.read_text() + json.dumps({"doc": "x", "text": "A line more.", "label": "neither", "register": "other"}) + "\n")
    second = build(small, 0.7).sha256
    assert second != first
    (small / "student").unlink()  # a link to the folder of the project
    shutil.copytree(DATA / "student", small / "student")
    assert build(small, 0.7).sha256 == second
    (small / "student" / "pairs.txt").write_text("other pairs\n")
    assert build(small, 0.7).sha256 != second


def test_no_document_is_on_both_sides(corpus: list[Example], holdout: list[Example]) -> None:
    assert not {e.doc for e in corpus} & {e.doc for e in holdout}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"a\.jsonl, line 2: not JSON"),
        ("{}", r"a\.jsonl, line 2: .*text: Field required"),
        ('{"doc": "d", "text": "x", "label": "leader", "register": "other"}', "label: Input should be"),
        ('{"doc": "d", "text": "x", "label": "neither", "register": "poem"}', "register: Input should be"),
        (
            '{"doc": "d", "text": "x", "label": "neither", "register": "other", "dimension": "work"}',
            "dimension must be given for leadership",
        ),
        ('{"doc": "d", "text": "x", "label": "management", "register": "other"}', "dimension must be given for leadership"),
        ('{"doc": "d", "text": "x", "label": "neither", "register": "other", "extra": 1}', "extra: Extra inputs"),
        (
            '{"doc": "d", "text": "x", "label": "management", "dimension": "work", "concept": "vision", "register": "other"}',
            "concept may be given for leadership and mixed only",
        ),
        (
            '{"doc": "d", "text": "x", "label": "management", "dimension": "work", "register": "other", '
            '"dimension_readings": ["work", "work", "actors", "actors"]}',
            "dimension must be the one most dimension_readings name, the latest of several",
        ),
        (
            '{"doc": "d", "text": "x", "label": "neither", "register": "other", "dimension_readings": ["work"]}',
            "dimension must be the one most dimension_readings name, the latest of several",
        ),
    ],
)
def test_a_bad_corpus_line_names_file_line_and_field(tmp_path: Path, line: str, message: str) -> None:
    good = '{"doc": "d", "text": "x", "label": "neither", "register": "other"}'
    (tmp_path / "a.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    ("readings", "dimension"),
    [
        ("work", "work"),
        ("work actors", "actors"),
        ("work work actors", "work"),
        ("work work actors actors", "actors"),
        ("actors work work actors purpose", "actors"),
        ("purpose actors work", "work"),
    ],
)
def test_most_readings_settle_a_dimension_and_the_latest_a_tie(readings: str, dimension: str) -> None:
    given = tuple(map(Dimension, readings.split()))
    assert settled(given) is Dimension(dimension)
    line = {"doc": "d", "text": "x", "label": "management", "register": "other", "dimension": dimension, "dimension_readings": given}
    assert Example.model_validate(line).dimension_readings == given


def test_no_corpus_says_so(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no \*\.jsonl files"):
        read_corpus(tmp_path)
