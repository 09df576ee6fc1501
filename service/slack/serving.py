"""Where the Slack app gets its tags: from the workers of a service or, over Socket Mode, from a model of its own."""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI
from pydantic import ValidationError

from model.artifact import Artifact
from model.contrasts import Contrasts
from model.layout import TextKind
from service.problems import ProblemError, invalid_request
from service.schemas import Problem, TagRequest, TagResponse
from service.settings import Settings
from service.tagging import Tagging
from service.workers import Job, JobKind, Pool


def mount(app: FastAPI, settings: Settings) -> None:
    """Add `/slack/events` to a service, and for several workspaces `/slack/install`; where the settings are not there, do nothing at all.

    The work of Slack is finished before the service stops.

    Raises:
        SettingsError: a setting is wrong or missing, Slack refuses the token, or the database cannot be used.
    """
    from service.slack.config import http_config

    config = http_config(settings)
    if config is None:
        return
    from service.slack.app import add_routes  # most services have no Slack, and start sooner without its libraries

    def tag(text: str, kind: TextKind) -> TagResponse:
        """Tag from one of Slack's threads, in the worker processes."""
        tagging: Tagging = app.state.tagging
        return asyncio.run_coroutine_threadsafe(tagging.tag(_request(text, kind)), app.state.loop).result()

    def contrasts() -> Contrasts:
        pool: Pool = app.state.pool
        assert pool.contrasts  # noqa: S101 -- Slack is answered only while the model is loaded
        return pool.contrasts

    add_routes(app, config, settings, tag, contrasts)


def run_socket(settings: Settings, artifact: Artifact, ready: Callable[[], None]) -> None:
    """Answer over Socket Mode until the process is told to stop. Raises as `service.slack.socket.run`."""
    from service.slack.socket import run
    from service.workers.answering import Answering

    answering = Answering(artifact, settings)

    def tag(text: str, kind: TextKind) -> TagResponse:
        reply = answering.answer(Job(JobKind.TAG, _request(text, kind).model_dump_json().encode()))
        if reply.code:
            raise ProblemError.of(Problem.model_validate_json(reply.body))
        return TagResponse.model_validate_json(reply.body)

    run(settings, tag, lambda: artifact.contrasts, ready)


def _request(text: str, kind: TextKind) -> TagRequest:
    try:
        return TagRequest(text=text, kind=kind, include=("evidence",))
    except ValidationError as error:
        raise invalid_request(error, TagRequest) from None
