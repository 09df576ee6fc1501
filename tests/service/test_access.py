"""Who may ask, how often, and from where."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.auth import Keys, KeysError, Scope, new_key
from service.limits import RateLimit
from service.problems import ProblemError
from service.server import OpenToAllError, make_server
from service.settings import Settings
from tests.conftest import serving
from tests.service.asking import BUDGET, problem, refused_while_it_arrives

TAGGER, TAGGER_LINE = new_key("reports", [Scope.TAG])
ADMIN, ADMIN_LINE = new_key("operator", [Scope.ADMIN])


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def guarded(artifact_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"# who may ask\n{TAGGER_LINE}  # the reports\n\n")
    settings = Settings(
        artifact=artifact_folder, workers=1, api_keys_file=path, api_keys=ADMIN_LINE, rate_limit=5, cors_origins=("https://hr.example.org",)
    )
    with serving(settings) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def test_keys_and_scopes(guarded: httpx.Client) -> None:
    refused = guarded.post("/v1/tag", json=BUDGET)
    problem(refused, 401, "missing_api_key")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    for wrong in ("hk_no", TAGGER[:-1], TAGGER_LINE.split(":")[1], "é"):
        problem(guarded.get("/v1/model", headers=[(b"authorization", f"Bearer {wrong}".encode())]), 401, "wrong_api_key")
    problem(guarded.get("/v1/model", headers={"authorization": TAGGER}), 401, "missing_api_key")
    problem(guarded.post("/v1/tag", json=BUDGET, headers=bearer(ADMIN)), 403, "scope_missing")
    problem(guarded.get("/metrics", headers=bearer(TAGGER)), 403, "scope_missing")
    problem(guarded.post("/v1/admin/reload", headers=bearer(TAGGER)), 403, "scope_missing")
    assert guarded.post("/v1/tag", json=BUDGET, headers=bearer(TAGGER)).status_code == 200
    assert guarded.get("/metrics", headers=bearer(ADMIN)).status_code == 200
    for public in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        assert guarded.get(public).status_code == 200


def test_a_body_is_not_read_before_the_key(guarded: httpx.Client) -> None:
    refused_while_it_arrives(guarded, 401, "missing_api_key")


def test_the_rate_limit_is_told_and_kept(guarded: httpx.Client) -> None:
    answers = [guarded.get("/v1/model", headers=bearer(TAGGER)) for _ in range(7)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    body = problem(limited[0], 429, "rate_limited")
    assert body["limit"] == 5
    assert 1 <= int(limited[0].headers["retry-after"]) <= 60
    remaining = [int(answer.headers["ratelimit-remaining"]) for answer in answers]
    assert remaining == sorted(remaining, reverse=True)
    assert remaining[-1] == 0
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"5"}
    assert guarded.get("/healthz").status_code == 200


def test_other_origins_only_where_named(guarded: httpx.Client) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    allowed = guarded.options("/v1/tag", headers=asked | {"origin": "https://hr.example.org"})
    assert allowed.headers["access-control-allow-origin"] == "https://hr.example.org"
    assert "access-control-allow-origin" not in guarded.options("/v1/tag", headers=asked | {"origin": "https://example.org"}).headers


def test_a_web_page_cannot_reload_somebodys_own_service(client: httpx.Client) -> None:
    problem(client.post("/v1/admin/reload", headers={"origin": "https://example.org"}), 403, "cross_site")


def test_a_bucket_fills_again_and_counts_each_caller_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("service.limits.time.monotonic", lambda: now[0])
    limit = RateLimit(2)
    assert [limit.take("a").remaining for _ in range(2)] == [1, 0]
    with pytest.raises(ProblemError) as refused:
        limit.take("a")
    assert refused.value.retry_after == 30
    assert limit.take("b").remaining == 1
    now[0] += 30
    assert limit.take("a").remaining == 0
    now[0] += 3600
    assert limit.left("a").remaining == 2


def test_keys_that_cannot_be_read_name_the_line_and_not_the_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    for content, message in {
        "": "holds no key",
        TAGGER: "line 1: is not name:sha256:scopes",
        f"a:{TAGGER}:tag": "line 1: is not name:sha256:scopes",
        f"\n{TAGGER_LINE.replace(':tag', ':secretword')}": "line 2: is not name:sha256:scopes, where scopes are tag and admin",
        f"{TAGGER_LINE}\n{TAGGER_LINE}": "line 2: a key of that name",
    }.items():
        path.write_text(content)
        with pytest.raises(KeysError, match=message) as refused:
            Keys.load(Settings(api_keys_file=path))
        assert TAGGER[3:] not in str(refused.value)
        assert "secretword" not in str(refused.value)
    with pytest.raises(KeysError, match="cannot be read"):
        Keys.load(Settings(api_keys_file=tmp_path / "missing"))


def test_only_hashes_are_kept() -> None:
    assert TAGGER not in TAGGER_LINE
    assert TAGGER.startswith("hk_")
    assert "secretword" not in repr(Settings(api_keys="secretword"))
    with pytest.raises(KeysError):
        new_key("no:name", [Scope.TAG])


def test_listening_to_all_needs_keys_or_a_word(artifact_folder: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::", "example.org"):  # noqa: S104
        with pytest.raises(OpenToAllError, match="HELMKEEL_ALLOW_ANONYMOUS"):
            make_server(Settings(artifact=artifact_folder, host=host))
    make_server(Settings(artifact=artifact_folder, host="0.0.0.0", api_keys=TAGGER_LINE))  # noqa: S104
    make_server(Settings(artifact=artifact_folder, host="0.0.0.0", allow_anonymous=True))  # noqa: S104
    for host in ("127.0.0.1", "::1", "localhost", "127.3.2.1"):
        make_server(Settings(artifact=artifact_folder, host=host))


@pytest.mark.parametrize("settings", [{"trusted_proxies": "everybody"}, {"cors_origins": "*"}, {"workers": 0}, {"request_seconds": 0}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Settings(**settings)  # type: ignore[arg-type]


def test_addresses_of_proxies_are_believed_only_where_trusted(artifact_folder: Path) -> None:
    def remaining(trusted: tuple[str, ...]) -> list[str]:
        with serving(Settings(artifact=artifact_folder, workers=1, rate_limit=9, trusted_proxies=trusted)) as url:
            addresses = ("192.0.2.1", "192.0.2.2")
            return [httpx.get(f"{url}/v1/model", headers={"x-forwarded-for": a}).headers["ratelimit-remaining"] for a in addresses]

    assert remaining(("127.0.0.1",)) == ["8", "8"]
    assert remaining(()) == ["8", "7"]
