"""A trained model on disk: one folder, every file named and hashed in a manifest that is checked before anything else is read.

The tables are stored with joblib, which runs what it loads: the manifest says whether the files are the ones that were written
together, not whether whoever wrote them can be trusted. Load only models you trained or received from someone you trust.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import joblib
from pydantic import BaseModel, ConfigDict, ValidationError

from model.contrasts import Contrasts
from model.folded import SIDES, FoldedModel, FoldedModelError

FORMAT_VERSION: Final = 2
MANIFEST: Final = "manifest.json"
TABLES: Final = "model.joblib"
CONTRASTS: Final = "contrasts.json"
METRICS: Final = "metrics.json"
CARD: Final = "MODEL_CARD.md"
FILES: Final = (TABLES, CONTRASTS, METRICS, CARD)


class ArtifactError(Exception):
    """The artifact cannot be used; the message says which file, why, and what to do."""


class ArtifactMissingError(ArtifactError):
    """There is no artifact in the folder."""


class Manifest(BaseModel):
    """What an artifact says of itself.

    Attributes:
        format_version: the layout of the folder; only `FORMAT_VERSION` is read.
        name, version: of the model.
        data_sha256: hash of the data set it was trained on.
        seed: of the training run.
        libraries: versions that took part in training.
        thresholds: score in [0, 1] from which each tag is given.
        sha256: hash of every other file of the folder, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: int
    name: str
    version: str
    data_sha256: str
    seed: int
    libraries: dict[str, str]
    thresholds: dict[str, float]
    sha256: dict[str, str]


@dataclass(frozen=True)
class Artifact:
    """A model with all that belongs to it."""

    manifest: Manifest
    model: FoldedModel
    contrasts: Contrasts
    metrics: dict[str, Any]
    card: str

    @property
    def sha256(self) -> str:
        """The hash of the tables: what decides every score."""
        return self.manifest.sha256[TABLES]


def save(
    folder: Path,
    *,
    model: FoldedModel,
    contrasts: Contrasts,
    metrics: dict[str, Any],
    card: str,
    version: str,
    data_sha256: str,
    seed: int,
    libraries: dict[str, str],
) -> Manifest:
    """Write an artifact so that a reader finds the old one or the new one, never half of each.

    The folder is written beside its place and renamed; what stood there before is removed.

    Raises:
        OSError: the disk is full or not writable; the old artifact then stays.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        joblib.dump(model.arrays(), fresh / TABLES)
        (fresh / CONTRASTS).write_text(contrasts.model_dump_json(), encoding="utf-8")
        (fresh / METRICS).write_text(json.dumps(metrics, indent=1), encoding="utf-8")
        (fresh / CARD).write_text(card, encoding="utf-8")
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            name="helmkeel",
            version=version,
            data_sha256=data_sha256,
            seed=seed,
            libraries=libraries,
            thresholds={side: float(value) for side, value in zip(SIDES, model.thresholds, strict=True)},
            sha256={name: _sha256(fresh / name) for name in FILES},
        )
        (fresh / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        fresh.chmod(0o755)
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return manifest


def load(folder: Path, *, memory_map: bool = False) -> Artifact:
    """Verify an artifact and read it.

    Args:
        folder: where `save` put it.
        memory_map: share the tables read-only between processes instead of reading them into memory.

    Raises:
        ArtifactMissingError: the folder or its manifest does not exist.
        ArtifactError: the manifest is damaged or of another format version, or a file is missing, changed or does not fit.
    """
    manifest = _read_manifest(folder)
    for name in FILES:
        expected = manifest.sha256.get(name)
        try:
            actual = _sha256(folder / name)
        except OSError as error:
            raise ArtifactError(f"{folder / name}: cannot be read ({error.strerror}); {_REMEDY}") from error
        if actual != expected:
            raise ArtifactError(f"{folder / name}: does not match its hash in {MANIFEST}; {_REMEDY}")
    try:
        model = FoldedModel.from_arrays(joblib.load(folder / TABLES, mmap_mode="r" if memory_map else None))
        contrasts = Contrasts.model_validate_json((folder / CONTRASTS).read_bytes())
        metrics = json.loads((folder / METRICS).read_bytes())
    except (FoldedModelError, ValueError, TypeError, KeyError, EOFError) as error:
        raise ArtifactError(f"{folder}: was written by another version of Helmkeel ({type(error).__name__}); {_REMEDY}") from error
    return Artifact(manifest, model, contrasts, metrics, (folder / CARD).read_text(encoding="utf-8"))


_REMEDY: Final = "train again with `helmkeel train`, or put back the whole folder it came from"


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtifactMissingError(f"{folder}: no model here; train one with `helmkeel train`") from error
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror}); {_REMEDY}") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: is damaged; {_REMEDY}") from error
    found = content.get("format_version") if isinstance(content, dict) else None
    if found != FORMAT_VERSION:
        raise ArtifactError(f"{path}: has format version {found!r}, this Helmkeel reads {FORMAT_VERSION}; {_REMEDY}")
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        raise ArtifactError(f"{path}: is damaged ({error.error_count()} wrong fields); {_REMEDY}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _swap(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.replace(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.replace(folder)
        raise
    shutil.rmtree(old)
