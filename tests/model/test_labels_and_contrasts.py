from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from model.contrasts import Contrasts, ContrastsError, load_contrasts
from model.labels import Concept, Dimension, Label, Side, label_of
from service.settings import ROOT

CONTRASTS = ROOT / "data" / "contrasts.yaml"


@pytest.fixture(scope="module")
def contrasts() -> Contrasts:
    return load_contrasts(CONTRASTS)


@pytest.mark.parametrize("label", list(Label))
def test_label_and_its_tags_name_each_other(label: Label) -> None:
    assert label_of(Side.LEADERSHIP in label.tags, Side.MANAGEMENT in label.tags) is label


def test_every_statement_and_claim_stands_in_the_source_document(contrasts: Contrasts) -> None:
    source = " ".join((ROOT / "data" / "source.txt").read_text(encoding="utf-8").split())
    statements = [s for c in contrasts.contrasts for side in Side for s in c.side(side).statements]
    assert len(statements) == 24
    for statement in [*statements, *contrasts.unpaired]:
        assert statement.text in source
        for claim in statement.claims:
            assert claim.claim in statement.text
    for concept in contrasts.concepts:
        assert f"· {concept.text}" in source
    for definition in contrasts.document.definitions.model_dump().values():
        assert definition in source


def test_every_bullet_of_the_document_is_a_statement(contrasts: Contrasts) -> None:
    texts = {s.text for c in contrasts.contrasts for side in Side for s in c.side(side).statements} | {u.text for u in contrasts.unpaired}
    texts |= {concept.text for concept in contrasts.concepts}
    source = (ROOT / "data" / "source.txt").read_text(encoding="utf-8")
    bullets = [line.removeprefix("· ").rstrip(";. ").removesuffix("; and") for line in source.splitlines() if line.startswith("·")]
    assert len(bullets) == 30
    assert [b for b in bullets if not any(b == t.rstrip(".") for t in texts)] == []


def test_claims_of_leadership_name_a_concept_and_those_of_management_none(contrasts: Contrasts) -> None:
    for contrast in contrasts.contrasts:
        assert all(claim.concept for s in contrast.leadership.statements for claim in s.claims)
        assert not any(claim.concept for s in contrast.management.statements for claim in s.claims)
    assert {claim.concept for c in contrasts.contrasts for s in c.leadership.statements for claim in s.claims} == set(Concept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["contrasts"].pop(), "must be the 11 dimensions"),
        (lambda d: d["concepts"].reverse(), "must be the 9 concepts"),
        (lambda d: d["contrasts"][0].pop("management"), "contrasts.0.management"),
        (lambda d: d.update(extra=1), "extra"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str) -> None:
    content = yaml.safe_load(CONTRASTS.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "contrasts.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ContrastsError, match=message):
        load_contrasts(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContrastsError, match=r"contrasts\.yaml: cannot be read"):
        load_contrasts(tmp_path / "contrasts.yaml")


def test_dimensions_are_those_of_the_codebook() -> None:
    codebook = (ROOT / "data" / "codebook.md").read_text(encoding="utf-8")
    for dimension in Dimension:
        assert f"| `{dimension}` |" in codebook
