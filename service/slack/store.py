"""Workspaces that installed the app, in the database, with their bot tokens encrypted. No user's token is ever asked for or kept."""

import secrets
import time
from datetime import UTC, datetime
from logging import Logger
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from slack_sdk.oauth import InstallationStore, OAuthStateStore
from slack_sdk.oauth.installation_store import Bot, Installation
from sqlalchemy import DateTime, Engine, String, Text, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from service.database import prepare
from service.settings import SettingsError
from service.slack.config import OAuth
from service.slack.quiet import SILENT

SCHEMA_VERSION: Final = 1
STATE_SECONDS: Final = 600


class _Base(DeclarativeBase):
    pass


class _Workspace(_Base):
    """An installation; `team_id` is empty for one that covers a whole organisation, `enterprise_id` for a workspace that is in none."""

    __tablename__ = "slack_installations"

    client_id: Mapped[str] = mapped_column(String(50), primary_key=True)
    enterprise_id: Mapped[str] = mapped_column(String(50), primary_key=True)
    team_id: Mapped[str] = mapped_column(String(50), primary_key=True)
    installed: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    app_id: Mapped[str | None] = mapped_column(String(50))
    bot_id: Mapped[str] = mapped_column(String(50))
    bot_user_id: Mapped[str] = mapped_column(String(50))
    scopes: Mapped[str] = mapped_column(Text)
    encrypted_token: Mapped[str] = mapped_column(Text)


class _State(_Base):
    """An installation that somebody has begun: what Slack must bring back, once, within ten minutes."""

    __tablename__ = "slack_oauth_states"

    state: Mapped[str] = mapped_column(String(50), primary_key=True)
    expires: Mapped[float]


class States(OAuthStateStore):
    """The state store of slack_sdk over a table, so that any process of the service may get the answer."""

    def __init__(self, engine: Engine) -> None:
        """Use the tables that `Installations` made."""
        self._engine = engine

    @property
    def logger(self) -> Logger:
        """Nothing is logged."""
        return SILENT

    def issue(self, *args: object, **kwargs: object) -> str:
        """Begin an installation, and forget those that were never ended."""
        state = secrets.token_urlsafe(24)
        with Session(self._engine) as session, session.begin():
            session.execute(delete(_State).where(_State.expires < time.time()))
            session.add(_State(state=state, expires=time.time() + STATE_SECONDS))
        return state

    def consume(self, state: str) -> bool:
        """Whether an installation was begun with this state and not ended yet; it is ended now."""
        with Session(self._engine) as session, session.begin():
            ended = session.execute(delete(_State).where(_State.state == state, _State.expires >= time.time()).returning(_State.state))
            return ended.first() is not None


class Installations(InstallationStore):
    """The installation store of slack_sdk over one encrypted table, for bot tokens only."""

    def __init__(self, engine: Engine, oauth: OAuth) -> None:
        """Create the table where it is missing.

        Raises:
            SettingsError: the database holds another version of the table, or tokens that the keys do not open.
        """
        prepare(engine, _Base.metadata, "slack", SCHEMA_VERSION)
        self._engine = engine
        self._client_id = oauth.client_id
        self._keys = MultiFernet([Fernet(key.get_secret_value()) for key in oauth.encryption_keys])
        with Session(engine) as session:
            row = session.scalar(select(_Workspace).where(_Workspace.client_id == self._client_id).limit(1))
        if row is not None:
            self._decrypted(row)

    @property
    def logger(self) -> Logger:
        """Nothing is logged: what slack_sdk would log holds tokens."""
        return SILENT

    def save(self, installation: Installation) -> None:
        """Keep an installation in place of an earlier one of the same workspace."""
        row = _Workspace(
            client_id=self._client_id,
            enterprise_id=installation.enterprise_id or "",
            team_id="" if installation.is_enterprise_install else installation.team_id or "",
            installed=datetime.now(UTC),
            app_id=installation.app_id,
            bot_id=installation.bot_id or "",
            bot_user_id=installation.bot_user_id or "",
            scopes=",".join(installation.bot_scopes or ()),
            encrypted_token=self._keys.encrypt((installation.bot_token or "").encode()).decode(),
        )
        with Session(self._engine) as session, session.begin():
            session.merge(row)

    def find_bot(self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False) -> Bot | None:
        """Return the installation of a workspace: its own, or that of its organisation."""
        for team in dict.fromkeys(("" if is_enterprise_install else team_id or "", "")):
            with Session(self._engine) as session:
                row = session.get(_Workspace, (self._client_id, enterprise_id or "", team))
            if row is not None and (team or enterprise_id):
                return Bot(
                    app_id=row.app_id,
                    enterprise_id=row.enterprise_id or None,
                    team_id=team_id,
                    bot_token=self._decrypted(row),
                    bot_id=row.bot_id,
                    bot_user_id=row.bot_user_id,
                    bot_scopes=row.scopes,
                    is_enterprise_install=not row.team_id,
                    installed_at=row.installed.timestamp(),
                )
        return None

    def delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        """Forget the installation of a workspace, or without a team that of an organisation."""
        with Session(self._engine) as session, session.begin():
            session.execute(
                delete(_Workspace).where(
                    _Workspace.client_id == self._client_id,
                    _Workspace.enterprise_id == (enterprise_id or ""),
                    _Workspace.team_id == (team_id or ""),
                )
            )

    def _decrypted(self, row: _Workspace) -> str:
        try:
            return self._keys.decrypt(row.encrypted_token.encode()).decode()
        except InvalidToken as error:
            raise SettingsError(
                "HELMKEEL_SLACK_ENCRYPTION_KEY does not open the tokens in HELMKEEL_DATABASE; put the key they were written with"
                " after the new one and a comma, or install the app again into an empty database"
            ) from error
