"""Helmkeel in Slack: commands, shortcuts, mentions and files, answered in Block Kit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from model.contrasts import Contrasts
    from service.settings import Settings
    from service.slack.handlers import Tag


def mount_slack(app: "FastAPI", settings: "Settings", tag: "Tag", contrasts: "Callable[[], Contrasts]") -> None:
    """Add `/slack/events` to a service, and for several workspaces `/slack/install`; where the settings are not there, do nothing at all.

    Args:
        app: the service; the work of Slack is finished before it stops.
        settings: of the service.
        tag: tags a text as `/v1/tag` does, with evidence.
        contrasts: gives the contrasts of the loaded model.

    Raises:
        SettingsError: a setting is wrong or missing, Slack refuses the token, or the database cannot be used.
    """
    from service.slack.config import http_config

    if config := http_config(settings):
        from service.slack.app import mount  # most services have no Slack, and start sooner without its libraries

        mount(app, config, settings, tag, contrasts)
