"""Corrections that people send: a sentence, what it should have been called and what the model called it; nothing about the sender."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import DateTime, Engine, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from model.labels import Label
from service.database import prepare

SCHEMA_VERSION: Final = 1


class UnknownLabelError(ValueError):
    """A correction names a label that there is none of."""

    def __init__(self) -> None:
        super().__init__(f"the label is none of {', '.join(Label)}")


class _Base(DeclarativeBase):
    pass


class Correction(_Base):
    """One correction, as it was sent.

    Attributes:
        reference: names the sentence of one answer: a later correction with the same reference takes the place of an earlier one.
        label: what the sender says the sentence is.
        given: what the model had said.
        model_sha256: which model.
        source: through which entry point it came.
    """

    __tablename__ = "corrections"

    id: Mapped[int] = mapped_column(primary_key=True)
    received: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))
    source: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(100), index=True)
    text: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(String(20))
    given: Mapped[str] = mapped_column(String(20))
    model_sha256: Mapped[str] = mapped_column(String(64))


class FeedbackStore:
    """Appends corrections; nothing is ever changed or read back by the service."""

    def __init__(self, engine: Engine) -> None:
        """Create the table where it is missing. Raises SettingsError where the database holds another version of it."""
        prepare(engine, _Base.metadata, "feedback", SCHEMA_VERSION)
        self._engine = engine

    def add(self, *, text: str, label: str, given: Label, model_sha256: str, source: str, reference: str) -> None:
        """Keep a correction.

        Raises:
            UnknownLabelError: `label` is no label; nothing is kept.
        """
        if label not in list(Label):
            raise UnknownLabelError
        row = Correction(text=text, label=label, given=given, model_sha256=model_sha256, source=source, reference=reference)
        with Session(self._engine) as session, session.begin():
            session.add(row)
