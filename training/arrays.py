"""Reads committed tables."""

import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray


def read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of an .npz file by name.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or holds what is no array.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error
