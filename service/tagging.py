"""Tagging for everything that runs inside the service: routes, Slack, and whatever else is mounted on the application."""

import logging
from typing import Any

from service.metrics import Metrics
from service.problems import ProblemError, not_ready
from service.schemas import FileForm, Problem, TagRequest, TagResponse
from service.workers import GivenUp, Job, JobKind, Pool, Reply

_log = logging.getLogger("helmkeel.tagging")


class Tagging:
    """Tags in the worker processes; `app.state.tagging` is the one of an application.

    Every method raises ProblemError: what is wrong with the document, or `busy`, `timeout`, `worker_died`, `not_ready`.
    """

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self._pool = pool
        self._metrics = metrics

    async def tag(self, request: TagRequest) -> TagResponse:
        """Tag a document."""
        return _read(await self.run(Job(JobKind.TAG, request.model_dump_json().encode())))

    async def tag_file(self, content: bytes, name: str | None, form: FileForm | None = None) -> TagResponse:
        """Tag a file of any kind the readers know."""
        fields: dict[str, Any] = (form or FileForm()).model_dump(mode="json")
        return _read(await self.run(Job(JobKind.FILE, content, form={"name": name, "fields": fields})))

    async def run(self, job: Job, given_up: GivenUp | None = None) -> Reply:
        """Do a job as `Pool.run` does; the reply may be a problem that the worker found."""
        if not self._pool.started:
            raise not_ready()
        reply = await self._pool.run(job, given_up)
        self._metrics.tagged(reply)
        if reply.failure:
            _log.error("unexpected failure in a worker", extra={"failure": reply.failure})
        return reply


def _read(reply: Reply) -> TagResponse:
    if reply.code:
        raise ProblemError.of(Problem.model_validate_json(reply.body))
    return TagResponse.model_validate_json(reply.body)
