"""The database of what people send to be kept: SQLite unless another URL is set, each part with a version of its own."""

from sqlalchemy import Engine, MetaData, String, create_engine, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

from service.settings import Settings, SettingsError


class _Base(DeclarativeBase):
    pass


class _SchemaVersion(_Base):
    """Which layout the tables of a part have."""

    __tablename__ = "schema_version"

    part: Mapped[str] = mapped_column(String(50), primary_key=True)
    version: Mapped[int]


def connect(settings: Settings) -> Engine:
    """Open the database.

    Raises:
        SettingsError: the URL is no database's, its driver is not installed, or the database cannot be reached.
    """
    try:
        engine = create_engine(settings.database.get_secret_value(), hide_parameters=True)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _wait_for_locks)
        _Base.metadata.create_all(engine)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError("HELMKEEL_DATABASE is no SQLAlchemy URL; write one like sqlite:////var/lib/helmkeel/helmkeel.db") from error
    except ModuleNotFoundError as error:
        raise SettingsError(f"HELMKEEL_DATABASE needs the driver {error.name}; install it beside Helmkeel") from error
    except DBAPIError as error:
        reason = type(error.orig).__name__
        raise SettingsError(f"HELMKEEL_DATABASE cannot be opened ({reason}); does it exist, and may Helmkeel write to it?") from error
    return engine


def prepare(engine: Engine, tables: MetaData, part: str, version: int) -> None:
    """Create the tables of a part where they are missing.

    Raises:
        SettingsError: the database holds another version of them.
    """
    tables.create_all(engine)
    with Session(engine) as session, session.begin():
        found = session.scalar(select(_SchemaVersion).where(_SchemaVersion.part == part))
        if found is None:
            session.add(_SchemaVersion(part=part, version=version))
        elif found.version != version:
            raise SettingsError(
                f"HELMKEEL_DATABASE holds version {found.version} of the tables of {part}, this release reads {version};"
                " name another database, or run the release that wrote it"
            )


def _wait_for_locks(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()
