"""Tagging off the event loop: worker processes that share one model, may be killed at any time, and come back."""

from service.workers.messages import Job, JobKind, Reply
from service.workers.pool import GivenUp, Pool, PoolState

__all__ = ["GivenUp", "Job", "JobKind", "Pool", "PoolState", "Reply"]
