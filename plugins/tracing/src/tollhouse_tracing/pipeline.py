"""From the settings to a tracer, and the flushing of what it recorded."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .export import Exporter

LONGEST = 1 << 20
"""Characters of the longest attribute, whatever is recorded."""


_NOWHERE = Context()


class Pipeline:
    """One configuration's tracer. It is nobody's global one: several gateways may live in a process. `close` blocks;
    call it in a thread."""

    def __init__(
        self, exporter: Exporter, *, ratio: float, service: str, attributes: Mapping[str, str], queue: int, delay: float
    ) -> None:
        self._exporter = exporter
        release = version("tollhouse-core")
        resource = Resource.create(
            {
                "service.name": service,
                "service.version": release,
                "service.instance.id": secrets.token_hex(16),
                "host.name": socket.gethostname(),
                "process.pid": os.getpid(),
                **attributes,
            }
        )
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            resource=resource,
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_span_attribute_length=LONGEST),
        )
        batch = min(512, queue)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter, max_queue_size=queue, max_export_batch_size=batch, schedule_delay_millis=delay * 1000
            )
        )
        self.tracer = self._provider.get_tracer("tollhouse", release)
        self._propagator = TraceContextTextMapPropagator()

    def parent(self, headers: Mapping[str, str]) -> Context:
        """The caller's trace, https://www.w3.org/TR/trace-context/; an empty context when there is none."""
        if "traceparent" not in headers:
            return _NOWHERE
        return self._propagator.extract(headers, _NOWHERE)

    def inject(self, span: Span, headers: dict[str, str]) -> None:
        """Tell the next one whose child it is."""
        self._propagator.inject(headers, set_span_in_context(span, _NOWHERE))

    def close(self, seconds: float) -> None:
        """Send what waits, for so many seconds at most."""
        self._exporter.hurry(seconds)
        self._provider.shutdown()
