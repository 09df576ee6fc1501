"""Prometheus metrics. One process answers all requests and keeps all counts, however many workers tag for it."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.workers import Pool, Reply

_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """What the service counts. Label values come from fixed sets: routes, methods, statuses, codes, labels."""

    def __init__(self, pool: Pool) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "helmkeel_requests", "Requests answered; status 499: the client left.", ["route", "method", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "helmkeel_request_seconds", "Time from request to answer.", ["route"], buckets=_SECONDS, registry=self.registry
        )
        self._problems = Counter("helmkeel_problems", "Error answers, by code.", ["code"], registry=self.registry)
        self._documents = Counter("helmkeel_documents", "Documents tagged.", registry=self.registry)
        self._sentences = Counter("helmkeel_sentences", "Sentences tagged, by label.", ["label"], registry=self.registry)
        self.in_progress = Gauge("helmkeel_requests_in_progress", "Requests being answered.", registry=self.registry)
        self.reloads = Counter("helmkeel_reloads", "Attempts to load the model anew, by outcome.", ["outcome"], registry=self.registry)
        self.registry.register(_PoolCollector(pool))
        ProcessCollector(registry=self.registry)

    def request(self, route: str, method: str, status: int, code: str | None, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
        if code:
            self._problems.labels(code).inc()

    def tagged(self, reply: Reply) -> None:
        """Count what a worker tagged."""
        if reply.documents:
            self._documents.inc(reply.documents)
            for label, count in reply.labels.items():
                self._sentences.labels(label).inc(count)

    def render(self) -> bytes:
        """Return all metrics as text for Prometheus."""
        return generate_latest(self.registry)


class _PoolCollector(Collector):
    """Reads the pool when the metrics are asked for."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        state = self._pool.state
        workers = GaugeMetricFamily("helmkeel_workers", "Worker processes, by what they do.", labels=["state"])
        for name, count in (("idle", state.idle), ("busy", state.busy), ("missing", state.missing)):
            workers.add_metric([name], count)
        yield workers
        yield GaugeMetricFamily("helmkeel_queue_depth", "Requests that wait for a worker.", state.waiting)
        restarts = CounterMetricFamily("helmkeel_worker_restarts", "Workers replaced, by reason.", labels=["reason"])
        for reason in ("died", "stopped"):
            restarts.add_metric([reason], state.restarts.get(reason, 0))
        yield restarts
        info = GaugeMetricFamily("helmkeel_model_info", "The model that answers.", labels=["version", "sha256"])
        if model := self._pool.model:
            info.add_metric([model.version, model.sha256], 1)
        yield info
