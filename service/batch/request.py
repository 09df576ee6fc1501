"""What a user can ask of a batch; imports nothing heavy, so that the command starts at once."""

from dataclasses import dataclass, field
from enum import StrEnum

from model.layout import TextKind
from service.schemas import Unit


class RowKind(StrEnum):
    """What a row of the output is."""

    SENTENCES = "sentences"
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What the user said of the columns of tables."""

    text_column: str | None = None
    id_column: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for.

    Attributes:
        inputs: files, folders, archives, globs and `-`.
        output: a file or a folder by its name, or `-`.
        include, exclude, stdin_name: see `service.batch.sources.Selection`.
        rows, unit, kind, tables: what becomes a row, what a text is, how lines are read, which columns hold what.
        jobs: processes; 0 for one a core.
        via: the address of a service that tags.
        cluster: the address of a Dask scheduler.
        force: replace an output, and forget an interrupted run.
        resume: go on with an interrupted run.
        quiet: say nothing but what failed.
    """

    inputs: list[str]
    output: str
    include: list[str] = field(default_factory=list)
    exclude: list[str] = field(default_factory=list)
    stdin_name: str = ""
    rows: RowKind = RowKind.SENTENCES
    unit: Unit = Unit.DOCUMENT
    kind: TextKind = TextKind.AUTO
    tables: TableOptions = field(default_factory=TableOptions)
    jobs: int = 1
    via: str | None = None
    cluster: str | None = None
    force: bool = False
    resume: bool = False
    quiet: bool = False
