"""API keys: who may ask, and for what. Only their hashes are kept.

A key is 256 random bits, so that one round of SHA-256 is as good as a slow hash: there is nothing to guess. Keys stand in a file or in a
setting, one on a line, `#` beginning a comment: `name:sha256:scope,scope`. `helmkeel key NAME` makes one.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from service.settings import Settings

PREFIX: Final = "hk_"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class Scope(StrEnum):
    """What a key may be used for."""

    TAG = "tag"
    ADMIN = "admin"


class KeysError(ValueError):
    """The keys cannot be read; the message names the line and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without the key: its name for logs and limits, its hash, and what it may do."""

    name: str
    sha256: str
    scopes: frozenset[Scope]


class Keys:
    """The keys a service accepts; with none of them, everybody may do everything."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Read the keys of the settings and of their file.

        Raises:
            KeysError: the file cannot be read, a line is malformed, or a name stands twice.
        """
        lines = [("HELMKEEL_API_KEYS", n, line) for n, line in enumerate(settings.api_keys.splitlines(), start=1)]
        if path := settings.api_keys_file:
            try:
                lines += [(str(path), n, line) for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)]
            except (OSError, UnicodeDecodeError) as error:
                raise KeysError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'it is not UTF-8'})") from error
        keys: dict[str, Key] = {}
        for where, number, line in lines:
            if content := line.split("#", 1)[0].strip():
                key = _key(content, f"{where}, line {number}")
                if key.name in keys:
                    raise KeysError(f"{where}, line {number}: a key of that name stands before it; names must differ")
                keys[key.name] = key
        if settings.api_keys_file and not keys:
            raise KeysError(f"{settings.api_keys_file}: holds no key; make one with `helmkeel key NAME`, or unset HELMKEEL_API_KEYS_FILE")
        return cls(keys.values())

    def find(self, presented: str) -> Key | None:
        """Return the key that was presented; takes the same time whichever it is, and whether there is one."""
        digest = _digest(presented)
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def new_key(name: str, scopes: Iterable[Scope]) -> tuple[str, str]:
    """Make a key; return it and the line to keep.

    Raises:
        KeysError: the name is no name.
    """
    if not _NAME.fullmatch(name):
        raise KeysError("a name has up to 64 letters, digits, dots, dashes and underscores")
    key = PREFIX + secrets.token_urlsafe(32)
    return key, f"{name}:{_digest(key)}:{','.join(sorted(scopes))}"


def _key(content: str, where: str) -> Key:
    try:
        name, digest, scopes = content.split(":")
        key = Key(name, digest, frozenset(Scope(scope.strip()) for scope in scopes.split(",")))
    except ValueError as error:
        raise KeysError(f"{where}: is not name:sha256:scopes, where scopes are {' and '.join(Scope)}") from error
    if not _NAME.fullmatch(name) or not _HASH.fullmatch(digest):
        raise KeysError(f"{where}: is not name:sha256:scopes; the hash has 64 hexadecimal digits, and is not the key itself")
    return key


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
