from pathlib import Path

import pytest

from tests.service.command import Command


@pytest.fixture
def helmkeel(artifact_folder: Path, tmp_path: Path) -> Command:
    """The command, in an empty folder."""
    return Command(tmp_path, {"artifact": str(artifact_folder)})
