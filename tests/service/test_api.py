import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from model.artifact import ArtifactError, load
from service.app import create_app
from service.settings import Settings


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert body["detail"]
    return body


def test_examples_are_answered_in_the_agreed_format(client: httpx.Client, examples: dict[str, str]) -> None:
    for name, text in examples.items():
        response = client.post("/v1/tag", json={"id": name, "text": text, "include": ["evidence"]})
        assert response.status_code == 200
        answer = response.json()
        assert list(answer) == [
            "id", "label", "shares", "counts", "dimensions", "concepts", "speakers", "sentences", "skipped", "coverage",
            "warnings", "model", "source", "text",
        ]  # fmt: skip
        assert answer["id"] == name
        assert len(answer["model"]["sha256"]) == 64
        coverage = answer["coverage"]
        assert coverage["characters"] == len("".join(text.split())) == coverage["scored"] + sum(coverage["skipped"].values())
        for sentence in answer["sentences"]:
            assert text[sentence["start"] : sentence["end"]] == sentence["text"]
            for side in ("leadership", "management"):
                total = sentence["baseline"][side] + sum(e[side] for e in sentence["evidence"])
                assert total == pytest.approx(sentence["decision"][side], abs=1e-6)
            for evidence in sentence["evidence"]:
                assert text[evidence["start"] : evidence["end"]] == evidence["text"]


def test_evidence_is_given_only_on_request(client: httpx.Client) -> None:
    (sentence,) = client.post("/v1/tag", json={"text": "Prepare the annual budget."}).json()["sentences"]
    assert sentence["evidence"] is None
    assert sentence["label"] == "management"


@pytest.mark.parametrize("text", ["", "   \n\n", "Budget", "\x00", "🙂🙂", "\ufeff"])
def test_too_little_text_is_insufficient_not_an_error(client: httpx.Client, text: str) -> None:
    answer = client.post("/v1/tag", json={"text": text}).json()
    assert answer["label"] == "insufficient"
    assert answer["counts"]["sentences"] == 0


@pytest.mark.parametrize(
    "text",
    [
        "Plan the budget 🙂 for the 👩‍👩‍👧 centre\x00 and monitor it.",
        "צריך לאשר את התקציב before Friday, says the board.",
        "a\u0301 team of e\u0301lan plans its work",
    ],
)
def test_offsets_are_code_points_whatever_the_characters(client: httpx.Client, text: str) -> None:
    (sentence,) = client.post("/v1/tag", json={"text": text}).json()["sentences"]
    assert text[sentence["start"] : sentence["end"]] == sentence["text"]


def test_foreign_text_gets_a_warning(client: httpx.Client) -> None:
    text = "Le directeur prépare le budget de l'année prochaine. Il surveille les dépenses du service et contrôle le calendrier."
    assert client.post("/v1/tag", json={"text": text}).json()["warnings"][0]["code"] == "unsupported_language"


def test_a_megabyte_is_tagged_within_the_time_of_a_request(client: httpx.Client) -> None:
    paragraph = "We agreed to review the plan and nobody knew who had written the second part of it or why it was so very long, " * 4
    text = (paragraph.strip(", ") + ".\n\n") * 2150
    assert 900_000 < len(text) <= 1_000_000
    started = time.monotonic()
    answer = client.post("/v1/tag", json={"text": text}).json()
    assert time.monotonic() - started < 30  # the promised limit of one request
    assert answer["counts"]["sentences"] == 2150


def test_text_over_the_limit(client: httpx.Client) -> None:
    body = problem(client.post("/v1/tag", json={"text": "é" * 500_001}), 413, "text_too_large")
    assert (body["limit"], body["size"]) == (1_000_000, 1_000_002)


def test_too_many_sentences(client: httpx.Client) -> None:
    body = problem(client.post("/v1/tag", json={"text": "We met today. " * 10_001}), 413, "too_many_sentences")
    assert (body["limit"], body["size"]) == (10_000, 10_001)


def test_body_over_the_limit_is_refused_by_its_declared_length(client: httpx.Client) -> None:
    body = problem(client.post("/v1/tag", content=b" " * 5_000_001), 413, "body_too_large")
    assert body["limit"] == 5_000_000


def test_body_over_the_limit_is_refused_while_it_arrives(client: httpx.Client) -> None:
    sent = 0

    def stream() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1_000_000
            yield b" " * 1_000_000

    with suppress(httpx.WriteError):  # the service may hang up before the client has read why
        problem(client.post("/v1/tag", content=stream()), 413, "body_too_large")
    assert sent < 200_000_000


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfa", b'{"text": "\xff"}', b"nonsense secretword", b'{"text": "secretword'])
def test_a_body_that_is_no_json(client: httpx.Client, body: bytes) -> None:
    response = client.post("/v1/tag", content=body, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}
    problem(response, response.status_code, "invalid_json" if body else "invalid_request")
    assert "secretword" not in response.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": 7}, "text"),
        ({"text": ["secretword"]}, "text"),
        ({"text": "secretword", "unknown": 1}, "unknown"),
        ({"text": "secretword", "include": ["secretword"]}, "include.0"),
        ({"text": "x", "id": "s" * 201}, "id"),
        ([], "body"),
    ],
)
def test_a_request_that_does_not_fit_names_the_field_and_not_the_text(client: httpx.Client, body: object, field: str) -> None:
    response = client.post("/v1/tag", json=body)
    assert field in [e["field"] for e in problem(response, 422, "invalid_request")["errors"]]
    assert "secretword" not in response.text


def test_a_lone_surrogate_is_refused(client: httpx.Client) -> None:
    response = client.post("/v1/tag", content=b'{"text": "Plan the \\ud800 budget"}', headers={"content-type": "application/json"})
    problem(response, 422, "invalid_request")


def test_unknown_path_and_method(client: httpx.Client) -> None:
    problem(client.get("/v1/nothing"), 404, "not_found")
    assert problem(client.get("/v1/tag"), 405, "method_not_allowed")


def test_model_and_contrasts(client: httpx.Client, artifact_folder: Path) -> None:
    model = client.get("/v1/model").json()
    assert model["sha256"] == load(artifact_folder).sha256
    assert model["labels"] == ["leadership", "management", "mixed", "neither"]
    assert model["limits"]["text_bytes"] == 1_000_000
    contrasts = client.get("/v1/contrasts").json()
    assert [c["id"] for c in contrasts["contrasts"]] == model["dimensions"]
    assert len(contrasts["concepts"]) == 9


def test_health(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"


def test_openapi_examples_are_answered(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    assert operations == {"tag", "tag_batch", "tag_file", "model", "contrasts", "healthz", "readyz"}
    (example,) = document["components"]["schemas"]["TagRequest"]["examples"]
    answer = client.post("/v1/tag", json=example).json()
    assert [s["label"] for s in answer["sentences"]] == ["management", "leadership", "neither"]
    assert "Problem" in document["components"]["schemas"]
    references = {part.split('"')[0] for part in json.dumps(document).split('"#/components/schemas/')[1:]}
    assert references <= set(document["components"]["schemas"])


def test_an_unusable_artifact_stops_the_start(tmp_path: Path) -> None:
    async def start() -> None:
        app = create_app(Settings(artifact=tmp_path))
        async with app.router.lifespan_context(app):
            pass

    with pytest.raises(ArtifactError, match="no model here"):
        asyncio.run(start())


def test_not_ready_before_the_model_is_loaded(artifact_folder: Path) -> None:
    async def ask() -> httpx.Response:
        app = create_app(Settings(artifact=artifact_folder))  # no lifespan has run
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            return await client.get("/readyz")

    problem(asyncio.run(ask()), 503, "not_ready")


@pytest.mark.parametrize(("unit", "encoding", "width"), [("utf16", "utf-16-le", 2), ("bytes", "utf-8", 1)])
def test_offsets_in_other_units(client: httpx.Client, unit: str, encoding: str, width: int) -> None:
    text = "# Größe 🙂\n\n- Plan the 預算 🙂 for the café\n- We monitor 🙂🙂 the spending of each team"
    answer = client.post("/v1/tag", json={"text": text, "offsets": unit, "include": ["evidence"]}).json()
    encoded = text.encode(encoding)
    assert len(answer["sentences"]) == 2
    for span in [*answer["sentences"], *(e for s in answer["sentences"] for e in s["evidence"])]:
        assert encoded[span["start"] * width : span["end"] * width].decode(encoding) == span["text"]
    assert encoded[answer["skipped"][0]["start"] : answer["skipped"][0]["end"] * width].decode(encoding) == "# Größe 🙂"


def test_kinds_of_text_read_lines_differently(client: httpx.Client) -> None:
    text = "Note: we plan the work\nAna: and the budget of the team"
    found = {
        kind: [(s["speaker"], s["text"]) for s in client.post("/v1/tag", json={"text": text, "kind": kind}).json()["sentences"]]
        for kind in ("prose", "notes", "transcript")
    }
    assert found["prose"] == [(None, text)]
    assert found["notes"] == [(None, "Note: we plan the work"), (None, "Ana: and the budget of the team")]
    assert found["transcript"] == [(None, "Note: we plan the work"), ("Ana", "and the budget of the team")]


def test_speakers_are_counted(client: httpx.Client, examples: dict[str, str]) -> None:
    answer = client.post("/v1/tag", json={"text": examples["minutes.md"]}).json()
    assert {"Marta", "Owen", "Tom", "Priyanka"} == set(answer["speakers"])
    for speaker, counts in answer["speakers"].items():
        assert counts["sentences"] == sum(s["speaker"] == speaker for s in answer["sentences"])


def test_the_documentation_page_needs_no_network(client: httpx.Client) -> None:
    page = client.get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) >= 3
    for source in sources:
        assert source.startswith("/")
        assert client.get(source).status_code == 200
