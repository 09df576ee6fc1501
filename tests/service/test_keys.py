"""`helmkeel key`, from the command to a service that knows the key."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from service.auth import Keys, Scope
from service.settings import Settings
from tests.service.command import Command


@pytest.mark.parametrize(
    ("options", "scopes"),
    [
        ((), {Scope.TAG}),
        (("--scope", "admin"), {Scope.ADMIN}),
        (("--scope", "tag", "--scope", "admin"), {Scope.TAG, Scope.ADMIN}),
    ],
)
def test_a_key_is_shown_once_and_its_line_is_for_the_file(
    helmkeel: Command, tmp_path: Path, options: tuple[str, ...], scopes: set[Scope]
) -> None:
    done = helmkeel.here("key", "reports-2", *options)
    assert done.returncode == 0
    key, line = done.stderr.decode().strip(), done.stdout.decode()
    assert key not in line
    assert line.endswith("\n")
    assert line.split(":")[:2] == ["reports-2", hashlib.sha256(key.encode()).hexdigest()]
    file = tmp_path / "keys"
    file.write_text(line)
    found = Keys.load(Settings(api_keys_file=file)).find(key)
    assert found
    assert found.name == "reports-2"
    assert found.scopes == scopes


def test_keys_differ_and_each_is_found_as_its_own(helmkeel: Command) -> None:
    made = [helmkeel.here("key", name) for name in ("one", "other")]
    shown = [done.stderr.decode().strip() for done in made]
    keys = Keys.load(Settings(api_keys="".join(done.stdout.decode() for done in made)))
    assert len(keys) == 2
    assert [found and found.name for found in map(keys.find, shown)] == ["one", "other"]
    assert keys.find(shown[0][:-1]) is None
    assert keys.find("") is None


def test_the_file_of_keys_grows_as_the_shell_appends(helmkeel: Command, tmp_path: Path) -> None:
    done = helmkeel.apart("key", "apart")
    assert done.returncode == 0
    (tmp_path / "keys").write_bytes(helmkeel.here("key", "here").stdout + done.stdout)
    keys = Keys.load(Settings(api_keys_file=tmp_path / "keys"))
    assert [keys.find(key) is not None for key in (done.stderr.decode().strip(), "hk_other")] == [True, False]


def test_a_key_is_not_broken_over_lines_however_narrow_the_window(helmkeel: Command) -> None:
    assert len(replace(helmkeel, columns=20).here("key", "narrow").stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["", "no:name", "two words", "x" * 65, "é", "a,b", "a#b"])
def test_a_name_that_would_spoil_the_file_is_refused(helmkeel: Command, name: str) -> None:
    done = helmkeel.here("key", "--", name)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"a name has up to 64" in done.stderr


def test_an_unknown_scope_is_refused_with_those_there_are(helmkeel: Command) -> None:
    done = helmkeel.here("key", "reports", "--scope", "root")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"tag" in done.stderr
    assert b"admin" in done.stderr
