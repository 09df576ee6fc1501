"""OpenTelemetry traces, where an endpoint is set: one span for each request, with route, status, sizes and request id, and no text.

The instrumentation libraries for web frameworks record addresses with their queries; a caller may have put anything there.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from service.exchange import Exchange

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_FLUSH_MILLISECONDS: Final = 3000


class TracingError(Exception):
    """Traces are asked for and cannot be made; the message says what to install."""


class Tracing:
    """Makes a span for each request and sends it to the endpoint in the background."""

    def __init__(self, endpoint: str) -> None:
        """Start the exporter.

        Raises:
            TracingError: the libraries are not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise TracingError("HELMKEEL_OTLP_ENDPOINT is set; install the libraries with `pip install helmkeel[traces]`") from error
        resource = Resource.create({"service.name": "helmkeel", "service.version": version("helmkeel")})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
        self._tracer = self._provider.get_tracer("helmkeel")

    def span(self, method: str, headers: Mapping[str, str]) -> "AbstractContextManager[Span]":
        """Open the span of a request, as a part of the caller's trace if it sent one."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(headers)
        return self._tracer.start_as_current_span(method, parent, SpanKind.SERVER, record_exception=False, set_status_on_exception=False)

    def describe(self, span: "Span", route: str, method: str, exchange: Exchange) -> None:
        """Say in the span what became of the request."""
        from opentelemetry.trace import StatusCode

        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": exchange.status,
                "http.request.body.size": exchange.request_bytes,
                "http.response.body.size": exchange.response_bytes,
                "helmkeel.request_id": exchange.request_id,
            }
        )
        if exchange.code:
            span.set_attribute("error.type", exchange.code)
        if exchange.reply:
            span.set_attribute("helmkeel.documents", exchange.reply.documents)
            span.set_attribute("helmkeel.sentences", sum(exchange.reply.labels.values()))
        if exchange.status >= 500:
            span.set_status(StatusCode.ERROR)

    def close(self) -> None:
        """Send what is left."""
        self._provider.force_flush(_FLUSH_MILLISECONDS)
        self._provider.shutdown()
