"""Records exchanges as spans. An exchange's span is made when it is asked for, and begins when the exchange did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation import set_span_in_context
from tollhouse import Attempt, Event, Exchange
from tollhouse.edition import Edition

from . import spans
from .content import Heard, asked
from .export import Exporter
from .pipeline import Pipeline
from .timing import PLUGIN, follow, moments

if TYPE_CHECKING:
    from .plugin import TracingSettings

_NOWHERE = Context()


@dataclass(slots=True)
class Trace:
    """An exchange's spans. Attempts are known by their number."""

    span: Span
    recording: bool
    attempts: dict[int, Span] = field(default_factory=dict)
    heard: Heard | None = None


def recorder(settings: TracingSettings, edition: Edition) -> Recorder:
    """The recorder of a configuration."""
    pipeline = Pipeline(
        Exporter(settings.endpoint, settings.headers_secret, float(settings.timeout)),
        ratio=settings.ratio,
        service=settings.service,
        attributes=settings.attributes,
        queue=settings.queue,
        delay=float(settings.delay),
    )
    if settings.hooks:
        follow(edition.chain)
    return Recorder(pipeline, settings)


class Recorder:
    """One configuration's."""

    def __init__(self, pipeline: Pipeline, settings: TracingSettings) -> None:
        self._pipeline, self._settings = pipeline, settings
        self.close = pipeline.close

    def begin(self, exchange: Exchange, attempt: Attempt) -> None:
        """An attempt is about to leave. Of a trace that is not recorded it is no span, but its upstream is told so."""
        trace = self._trace(exchange)
        span = trace.span
        if trace.recording:
            span = trace.attempts[attempt.number] = self._pipeline.tracer.start_span(
                spans.client(exchange, attempt),
                set_span_in_context(span, _NOWHERE),
                SpanKind.CLIENT,
                start_time=spans.nanoseconds(exchange, attempt.started_at),
            )
        if self._settings.propagate:
            self._pipeline.inject(span, attempt.headers)

    def end(self, exchange: Exchange, attempt: Attempt) -> None:
        """An attempt is over."""
        trace: Trace | None = exchange.state.get(PLUGIN)
        if trace is not None and (span := trace.attempts.pop(attempt.number, None)) is not None:
            spans.attempted(span, exchange, attempt)
            span.end(spans.nanoseconds(exchange, attempt.ended_at or exchange.now()))

    def hear(self, exchange: Exchange) -> Callable[[Event], None] | None:
        """What is to hear a reply that begins; None when it is not recorded."""
        trace = self._trace(exchange)
        if not trace.recording:
            return None
        trace.heard = Heard(int(self._settings.content_max))
        return trace.heard.hear

    def finish(self, exchange: Exchange) -> None:
        """An exchange is over."""
        trace = self._trace(exchange)
        if not trace.recording:
            return
        span, settings = trace.span, self._settings
        if settings.hooks:
            within = set_span_in_context(span, _NOWHERE)
            for plugin, hook, began, ended in moments(exchange):
                said = {"tollhouse.plugin": plugin, "tollhouse.hook": hook}
                one = self._pipeline.tracer.start_span(f"{hook} {plugin}", within, attributes=said, start_time=began)
                one.end(ended)
        spans.ended(span, exchange)
        if settings.content:
            if messages := asked(exchange, int(settings.content_max)):
                span.set_attribute("gen_ai.input.messages", messages)
            if trace.heard is not None and (messages := trace.heard.answered()):
                span.set_attribute("gen_ai.output.messages", messages)
        span.end(spans.nanoseconds(exchange, exchange.now()))

    def _trace(self, exchange: Exchange) -> Trace:
        trace: Trace | None = exchange.state.get(PLUGIN)
        if trace is None:
            name, kind = spans.server(exchange)
            parent = self._pipeline.parent(exchange.headers) if self._settings.join else _NOWHERE
            began = spans.nanoseconds(exchange, exchange.started)
            span = self._pipeline.tracer.start_span(name, parent, kind, start_time=began)
            trace = exchange.state[PLUGIN] = Trace(span, span.is_recording())
        return trace
