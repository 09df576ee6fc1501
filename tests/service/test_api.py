import asyncio
import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from model.artifact import ArtifactError, load
from model.tagger import Tagger
from service.app import create_app
from service.settings import Settings
from tests.service.asking import BUDGET, problem, refused_while_it_arrives


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
    (sentence,) = client.post("/v1/tag", json=BUDGET).json()["sentences"]
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
    response = client.post("/v1/tag", json={"text": text})
    assert response.status_code == 200  # else 503: the service ends what takes longer than it promises
    assert response.json()["counts"]["sentences"] == 2150


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
    refused_while_it_arrives(client, 413, "body_too_large")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfa", b'{"text": "\xff"}', b"nonsense secretword", b'{"text": "secretword'])
def test_a_body_that_is_no_json(client: httpx.Client, body: bytes) -> None:
    response = client.post("/v1/tag", content=body, headers={"content-type": "application/json"})
    problem(response, 400, "invalid_json")
    assert "secretword" not in response.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": None}, "text"),
        ({"text": 7}, "text"),
        ({"text": ["secretword"]}, "text"),
        ({"text": "x", "secretword": 1}, "body"),
        ({"text": "x", "threshold": 1}, "threshold"),
        ({"text": "x", "unit": "paragraph"}, "unit"),
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
    problem(response, 400, "invalid_json")


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


def test_openapi_examples_are_answered(client: httpx.Client, tagger: Tagger) -> None:
    def labels_of_the_model(sentences: list[dict[str, Any]]) -> list[str]:
        return [tag.label for tag in tagger.tag([sentence["text"] for sentence in sentences])]

    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {o["operationId"] for path in document["paths"].values() for o in path.values()}
    assert operations == {"tag", "tag_batch", "tag_file", "model", "contrasts", "healthz", "readyz", "metrics", "reload"}
    schemas = document["components"]["schemas"]
    (example,) = schemas["TagRequest"]["examples"]
    answer = client.post("/v1/tag", json=example).json()
    assert [s["text"] for s in answer["sentences"]] == example["text"].splitlines()
    assert [s["label"] for s in answer["sentences"]] == labels_of_the_model(answer["sentences"])
    (example,) = schemas["BatchRequest"]["examples"]
    results = client.post("/v1/tag/batch", json=example).json()["results"]
    assert [(r["id"], r["sentences"][0]["text"]) for r in results] == [(d["id"], d["text"]) for d in example["documents"]]
    assert [r["sentences"][0]["label"] for r in results] == [labels_of_the_model(r["sentences"])[0] for r in results]
    (example,) = schemas["Problem"]["examples"]
    assert client.post("/v1/tag", json={"text": "x" * 1_200_000}).json() | {"title": example["title"]} == example  # Python names the status
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
            problem(await client.post("/v1/tag", json={"text": "x"}), 503, "not_ready")
            assert (await client.get("/healthz")).status_code == 200
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


def test_a_batch_keeps_its_order_whatever_fails(client: httpx.Client) -> None:
    good = {"id": "a", "text": "Prepare the annual budget."}
    documents = [
        good,
        7,
        {"id": "c"},
        {"id": 5, "text": "x"},
        {"text": "x" * 1_000_001},
        {"text": "x", "secretword": 1},
        {"text": ""},
        good,
    ]
    response = client.post("/v1/tag/batch", json={"documents": documents})
    assert response.status_code == 200
    assert "secretword" not in response.text
    results = response.json()["results"]
    assert [r.get("id") for r in results] == ["a", None, "c", None, None, None, None, "a"]
    codes = [r["error"]["code"] if "error" in r else None for r in results]
    assert codes == [None, *["invalid_request"] * 3, "text_too_large", "invalid_request", None, None]
    assert results[0] == results[7] == client.post("/v1/tag", json=good).json()


def test_a_batch_is_limited(client: httpx.Client) -> None:
    body = problem(client.post("/v1/tag/batch", json={"documents": [{"text": "x"}] * 101}), 413, "too_many_documents")
    assert (body["limit"], body["size"]) == (100, 101)
    documents = [{"text": "We met today. " * 7_000}] * 3
    body = problem(client.post("/v1/tag/batch", json={"documents": documents}), 413, "too_many_sentences")
    assert (body["limit"], body["size"]) == (20_000, 21_000)


@pytest.mark.parametrize("documents", [[], [{"id": "a", "text": "Prepare the annual budget."}, {"id": "b"}]])
def test_a_batch_in_lines(client: httpx.Client, documents: list[dict[str, str]]) -> None:
    request = {"documents": documents, "include": ["evidence"]}
    response = client.post("/v1/tag/batch", json=request, headers={"accept": "application/x-ndjson"})
    assert response.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in response.text.splitlines()] == client.post("/v1/tag/batch", json=request).json()["results"]


def test_a_text_as_one_sentence(client: httpx.Client) -> None:
    text = "  # Plan the budget. Then monitor it.\n\n- Weekly "
    answer = client.post("/v1/tag", json={"text": text, "unit": "sentence"}).json()
    (sentence,) = answer["sentences"]
    assert sentence["text"] == text.strip() == text[sentence["start"] : sentence["end"]]
    assert answer["skipped"] == []
    assert answer["coverage"]["scored"] == answer["coverage"]["characters"]
    assert client.post("/v1/tag", json={"text": " \n", "unit": "sentence"}).json()["sentences"] == []


def test_a_threshold_moves_the_labels_and_not_the_scores(client: httpx.Client, examples: dict[str, str]) -> None:
    text = examples["job-description.txt"]
    usual = client.post("/v1/tag", json={"text": text}).json()
    labels = []
    for threshold in (0.01, 0.99):
        answer = client.post("/v1/tag", json={"text": text, "threshold": threshold}).json()
        assert [s["scores"] for s in answer["sentences"]] == [s["scores"] for s in usual["sentences"]]
        for sentence in answer["sentences"]:
            tagged = {side for side, score in sentence["scores"].items() if score >= threshold and not sentence["abstained"]}
            assert sentence["label"] == ("mixed" if len(tagged) == 2 else next(iter(tagged), "neither"))
        labels.append([s["label"] for s in answer["sentences"]])
    assert labels[0] != labels[1]


def test_long_answers_are_compressed_where_that_is_understood(client: httpx.Client, examples: dict[str, str]) -> None:
    request = {"text": examples["minutes.md"]}
    packed = client.post("/v1/tag", json=request, headers={"accept-encoding": "br, gzip;q=0.5"})
    plain = client.post("/v1/tag", json=request, headers={"accept-encoding": "gzip;q=0, identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
    assert packed.json() == plain.json()
    assert int(packed.headers["content-length"]) < len(plain.content) / 2


@pytest.mark.parametrize(("given", "kept"), [("caller-7.B_x", True), ("a b", False), ("", False), ("x" * 129, False), ("é", False)])
def test_request_ids(client: httpx.Client, given: str, kept: bool) -> None:
    for path in ("/healthz", "/v1/nothing"):
        answered = client.get(path, headers=httpx.Headers([(b"x-request-id", given.encode())])).headers["x-request-id"]
        assert (answered == given) is kept
        assert re.fullmatch(r"[A-Za-z0-9._-]+", answered)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-type": "text/plain"}, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, "unsupported_media_type"),
        ({"content-type": "application/json", "content-encoding": "gzip"}, "unsupported_encoding"),
    ],
)
def test_bodies_of_other_kinds_are_refused(client: httpx.Client, headers: dict[str, str], code: str) -> None:
    problem(client.post("/v1/tag", content=b'{"text": "x"}', headers=headers), 415, code)
    problem(client.post("/v1/tag/batch", content=b'{"documents": []}', headers=headers), 415, code)


def test_forms_that_do_not_fit(client: httpx.Client) -> None:
    file = {"file": ("a.txt", b"Plan the budget of the year.")}
    problem(client.post("/v1/tag/file", json={}), 415, "unsupported_media_type")
    problem(client.post("/v1/tag/file", content=b"x", headers={"content-type": "multipart/form-data"}), 400, "invalid_multipart")
    problem(client.post("/v1/tag/file", files=[("file", b"a"), ("file", b"b")]), 400, "invalid_multipart")
    problem(client.post("/v1/tag/file", files={"other": b"a"}), 422, "invalid_request")
    for data, field in (({"secretword": "1"}, "body"), ({"kind": "secretword"}, "kind"), ({"id": ["a", "b"]}, "id")):
        response = client.post("/v1/tag/file", files=file, data=data)
        assert [e["field"] for e in problem(response, 422, "invalid_request")["errors"]] == [field]
        assert "secretword" not in response.text
    answer = client.post("/v1/tag/file", files=file, data={"unit": "sentence", "threshold": "0.5", "include": ["text", "evidence"]}).json()
    assert answer["text"] == "Plan the budget of the year."
    assert answer["sentences"][0]["evidence"]


def test_security_headers_stand_on_every_answer(client: httpx.Client) -> None:
    for path in ("/healthz", "/v1/model", "/v1/nothing", "/docs", "/metrics", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]
        assert "server" not in headers
        assert "access-control-allow-origin" not in client.get(path, headers={"origin": "https://example.org"}).headers


def test_the_documentation_page_runs_its_own_script_and_no_other(client: httpx.Client) -> None:
    response = client.get("/docs")
    (script,) = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in response.headers["content-security-policy"]
