"""Which documents calibration relies on."""

import hashlib


def is_calibration(document: str) -> bool:
    """Whether a document is one of the fifth that neither the teachers nor their student are ever shown (`training.distill`).

    Decisions about sentences the encoder has seen are too sure of themselves, so scores are calibrated and thresholds chosen on these only.
    """
    return hashlib.sha256(document.encode()).digest()[0] % 5 == 0
