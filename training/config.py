"""The knobs of a training run, read from `training/config.toml`."""

import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

DEFAULT_CONFIG: Final = Path(__file__).with_name("config.toml")


class ConfigError(ValueError):
    """The configuration file cannot be read or has a wrong or unknown field."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataConfig(_Section):
    """How the data set is cleaned."""

    near_duplicate: float = Field(gt=0, le=1)


class FeatureConfig(_Section):
    """The arguments of `training.features.AdditiveFeatures`."""

    min_word_count: int = Field(ge=1)
    min_gram_count: int = Field(ge=1)
    min_pair_count: int = Field(ge=1)
    gram_weight: float = Field(ge=0)
    embedding_weight: float = Field(ge=0)


class HeadConfig(_Section):
    """Inverse penalty strengths (the C of scikit-learn)."""

    tags: float = Field(gt=0)
    dimensions: float = Field(gt=0)
    concepts: float = Field(gt=0)


class StudentConfig(_Section):
    """How much the student of the teachers counts (`training.fit.Fitted`)."""

    share: float = Field(ge=0, le=1)


class CalibrationConfig(_Section):
    """How out-of-fold decisions are made, and what the log-odds they give are multiplied with."""

    folds: int = Field(ge=2)
    confidence: float = Field(gt=0, le=1)


class DecisionConfig(_Section):
    """When a tag is given."""

    threshold: float = Field(gt=0, lt=1)


class AbstainConfig(_Section):
    """When the tagger does not judge."""

    minimum_known: float = Field(ge=0, le=1)


class EvaluationConfig(_Section):
    """How figures get their intervals."""

    bootstrap_samples: int = Field(ge=1)


class TrainingConfig(_Section):
    """All of it."""

    seed: int
    data: DataConfig
    features: FeatureConfig
    heads: HeadConfig
    student: StudentConfig
    calibration: CalibrationConfig
    decision: DecisionConfig
    abstain: AbstainConfig
    evaluation: EvaluationConfig


def load_config(path: Path = DEFAULT_CONFIG) -> TrainingConfig:
    """Read and check a configuration.

    Raises:
        ConfigError: the file is missing, is not TOML, or has a wrong, missing or unknown field; the message names it.
    """
    try:
        return TrainingConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
