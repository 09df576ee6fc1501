"""The `helmkeel` command, in this process or in one of its own.

`here` is how most tests ask it something: a process takes seconds to start, and the question is what the command says and writes.
`apart` and `start` are for what only a process has: signals, being killed, the real standard streams, arguments that are no text, its
exit code as the shell sees it.
"""

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest

from service.cli import main
from tests.service.running import HELMKEEL, PATIENCE

Done = subprocess.CompletedProcess[bytes]


@dataclass(frozen=True)
class Command:
    """The command with the folder it runs in, its settings, and the words that always come first."""

    folder: Path
    settings: Mapping[str, str]
    begin: tuple[str, ...] = ()
    columns: int = 200

    def given(self, **settings: str) -> Self:
        """The command with more settings, by the end of their variables' names."""
        return replace(self, settings={**self.settings, **settings})

    def here(self, *arguments: str | Path, stdin: bytes = b"") -> Done:
        """Run it in this process; that it leaves anything of the process changed is a failure."""
        given = ["helmkeel", *self.begin, *map(str, arguments)]
        out, talk = io.BytesIO(), io.BytesIO()
        before = _state()
        with contextlib.chdir(self.folder), pytest.MonkeyPatch.context() as patch:
            for name in os.environ.keys() - self.environment.keys():
                patch.delenv(name)
            for name, value in self._variables.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", given)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)), encoding="utf-8"))
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding="utf-8", write_through=True))
            patch.setattr(sys, "stderr", io.TextIOWrapper(talk, encoding="utf-8", write_through=True))
            with pytest.raises(SystemExit) as end:
                main()
            done = Done(given, int(end.value.code or 0), out.getvalue(), talk.getvalue())
        after = _state()
        changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        assert not changed, changed
        return done

    def apart(self, *arguments: str | Path | bytes, stdin: bytes = b"") -> Done:
        """Run the installed command to its end."""
        given = [HELMKEEL, *self.begin, *arguments]
        return subprocess.run(
            given, input=stdin, capture_output=True, env=self.environment, cwd=self.folder, check=False, timeout=5 * PATIENCE
        )

    def start(self, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        """Start the installed command in a process group of its own, with nothing to read, for Ctrl-C to end."""
        given = [HELMKEEL, *self.begin, *arguments]
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        # A shell lets what it runs in the background ignore Ctrl-C; tests that run there must not pass that on.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                given, stdin=nothing, stdout=pipe, stderr=pipe, env=self.environment, cwd=self.folder, start_new_session=True
            )
        finally:
            signal.signal(signal.SIGINT, before)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process: this one's, but for settings of Helmkeel."""
        return {name: value for name, value in os.environ.items() if not name.startswith("HELMKEEL_")} | self._variables

    @property
    def _variables(self) -> dict[str, str]:
        return {"COLUMNS": str(self.columns)} | {f"HELMKEEL_{name.upper()}": value for name, value in self.settings.items()}


def _state() -> dict[str, object]:
    """What a command could leave behind in a process."""
    root = logging.getLogger()
    return {
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        # A library that is imported for the first time may silence warnings of its own, as it would in another process.
        "warnings": [kept for kept in warnings.filters if kept[1] is None and kept[2].__module__ == "builtins"],
        "log": (root.level, list(root.handlers)),
    }
