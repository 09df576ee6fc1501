"""Helmkeel inside a spaCy pipeline."""

from pathlib import Path

import spacy

from model.artifact import load
from model.document import tag_document
from model.tagger import Tagger


def test_a_spacy_pipeline_finds_what_the_library_finds(examples: dict[str, str], artifact_folder: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("helmkeel", config={"artifact": str(artifact_folder)})
    tagger = Tagger(load(artifact_folder).model)
    for doc, text in zip(nlp.pipe(examples.values()), examples.values(), strict=True):
        expected = tag_document(tagger, text)
        assert [(s.start_char, s.end_char, s.text) for s in doc.spans["helmkeel"]] == [s[:3] for s, _, _ in expected.sentences]
        assert [s._.helmkeel for s in doc.spans["helmkeel"]] == [tag for _, tag, _ in expected.sentences]
        assert [s.label_ for s in doc.spans["helmkeel"]] == [tag.label for _, tag, _ in expected.sentences]
        assert [(s.start_char, s.label_) for s in doc.spans["helmkeel_skipped"]] == [(s.start, s.reason) for s in expected.skipped]


def test_a_span_inside_a_token_takes_in_the_token(artifact_folder: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("helmkeel", config={"artifact": str(artifact_folder)})
    doc = nlp("*Prepare* the annual budget/plan.\n\n\n#Ana")
    assert [s.text for s in doc.spans["helmkeel"]] == ["*Prepare* the annual budget/plan."]
    assert not nlp("").spans["helmkeel"]
