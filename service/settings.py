"""Every setting, each also an environment variable `HELMKEEL_<NAME>`; docs/operations.md has them in a table."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from service.readers.kinds import MAX_FILE_BYTES

ROOT: Final = Path(__file__).resolve().parent.parent

Words = Annotated[tuple[str, ...], NoDecode]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


class SettingsError(Exception):
    """Settings that cannot work; the message names the variable, says why and what to do, and shows no value."""


class Settings(BaseSettings):
    """Where things are, where the service listens, whom it trusts, and what it refuses.

    Attributes:
        artifact: folder of the trained model.
        data: folder of contrasts, corpus, hold-out, probes, word vectors and student; needed for training only.
        host, port: where `helmkeel serve` listens.
        root_path: prefix under which a proxy publishes the service.
        workers: processes that tag; as many as there are cores, if not set.
        queue_size: requests that may wait for a worker; more are refused.
        request_seconds: for one request, waiting included; and for a body to arrive.
        drain_seconds: for running requests to end after SIGTERM.
        max_text_bytes: of one document, in UTF-8.
        max_sentences: of one document.
        max_documents: of one batch.
        max_batch_sentences: of all documents of a batch.
        max_body_bytes: of one request that holds no file.
        max_file_bytes: of one uploaded file.
        max_buffered_bytes: of all bodies that are held in memory at a time.
        api_keys: lines of keys (`service.auth`), as an alternative to a file.
        api_keys_file: file of such lines.
        allow_anonymous: listen on other addresses than loopback although there are no keys.
        rate_limit: requests a minute for each key, or each address where there are no keys; unlimited if not set.
        trusted_proxies: addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed.
        cors_origins: web origins whose pages may call the service.
        log_level: of the service's own log lines.
        otlp_endpoint: where traces go, as OTLP over HTTP; none are made if not set.
        database: SQLAlchemy URL of what is kept because somebody sent it to be kept: corrections, and workspaces that installed the app.
        slack_signing_secret, slack_bot_token, slack_app_token, slack_client_id, slack_client_secret, slack_encryption_key, slack_api_url:
            the Slack app (`service.slack.config` says which go together); Slack is off without them.
        api_key: sent to the service that `helmkeel score --via` asks.
    """

    model_config = SettingsConfigDict(env_prefix="HELMKEEL_", extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    artifact: Path = ROOT / "artifact"
    data: Path = ROOT / "data"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    root_path: str = ""
    workers: int = Field(default_factory=_cores, ge=1, le=256)
    queue_size: int = Field(default=64, ge=1)
    request_seconds: float = Field(default=30, gt=0)
    drain_seconds: float = Field(default=30, gt=0)
    max_text_bytes: int = Field(default=1_000_000, gt=0)
    max_sentences: int = Field(default=10_000, gt=0)
    max_documents: int = Field(default=100, gt=0)
    max_batch_sentences: int = Field(default=20_000, gt=0)
    max_body_bytes: int = Field(default=5_000_000, gt=0)
    max_file_bytes: int = Field(default=10_000_000, gt=0, le=MAX_FILE_BYTES)
    max_buffered_bytes: int = Field(default=200_000_000, gt=0)
    api_keys: str = Field(default="", repr=False)
    api_keys_file: Path | None = None
    allow_anonymous: bool = False
    rate_limit: int | None = Field(default=None, ge=1)
    trusted_proxies: Words = ()
    cors_origins: Words = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = None
    database: SecretStr = SecretStr(f"sqlite:///{ROOT / 'helmkeel.db'}")
    slack_signing_secret: SecretStr | None = None
    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_encryption_key: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"
    api_key: SecretStr | None = None

    @field_validator("trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _checked(self) -> Self:
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(f"trusted_proxies: {proxy!r} is no address or network") from error
        if "*" in self.cors_origins:
            raise ValueError("cors_origins: name each origin; * would let every page on the web call the service")
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
