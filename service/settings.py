"""Every setting, each also an environment variable `HELMKEEL_<NAME>`."""

from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.readers.kinds import MAX_FILE_BYTES

ROOT: Final = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Where things are, where the service listens, and what it refuses.

    Attributes:
        artifact: folder of the trained model.
        data: folder of contrasts, corpus, word vectors and hold-out; needed for training only.
        host, port: where `helmkeel serve` listens.
        max_text_bytes: of one document, in UTF-8.
        max_sentences: of one document.
        max_body_bytes: of one request that holds no file.
        max_file_bytes: of one uploaded file.
        api_key: sent to the service that `helmkeel score --via` asks.
    """

    model_config = SettingsConfigDict(env_prefix="HELMKEEL_", extra="ignore", frozen=True)

    artifact: Path = ROOT / "artifact"
    data: Path = ROOT / "data"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    max_text_bytes: int = Field(default=1_000_000, gt=0)
    max_sentences: int = Field(default=10_000, gt=0)
    max_body_bytes: int = Field(default=5_000_000, gt=0)
    max_file_bytes: int = Field(default=10_000_000, gt=0, le=MAX_FILE_BYTES)
    api_key: SecretStr | None = None
