"""The plugin: a span for an exchange, one for each attempt, and their sending. What it records with is imported when
it starts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct
from tollhouse import Attempt, ConfigError, Event, Exchange, hookimpl
from tollhouse.config import Duration, Size
from tollhouse.edition import Edition

if TYPE_CHECKING:
    from .recorder import Recorder

FLUSH = 5.0
"""Seconds that sending may take when a configuration ends."""
_ADDRESS = re.compile(r"https?://[^/?#\s@]+(/[^?#\s]*)?")


class TracingSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[tracing]`."""

    endpoint: str = "http://127.0.0.1:4318/v1/traces"
    """Where the collector takes traces, OTLP over HTTP with protobuf."""
    headers_secret: dict[str, str] = msgspec.field(default_factory=dict)
    """Headers for the collector, such as its key; shown nowhere."""
    ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Share of the traces that begin here and are recorded. One that a caller began is, if they record it."""
    join: bool = True
    """Whether a caller's `traceparent` is followed; otherwise every trace begins here."""
    propagate: bool = True
    """Whether upstreams are sent a `traceparent`."""
    service: str = "tollhouse"
    """The resource's `service.name`."""
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    """Further attributes of the resource, such as `deployment.environment.name`."""
    hooks: bool = False
    """Whether each call of a plugin's asynchronous hook is a span."""
    content: bool = False
    """Whether prompts and completions are recorded."""
    content_max: Size = Size("16 KiB")
    """Longest text that is recorded of a message; of all messages together four times as much."""
    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 4096
    """Spans that may wait to be sent; the oldest is lost for a further one."""
    delay: Duration = Duration("2s")
    """Longest time a span waits before it is sent."""
    timeout: Duration = Duration("10s")
    """How long the collector may take to answer."""


class Tracing:
    """Spans for OpenTelemetry."""

    Settings = TracingSettings

    def __new__(cls, settings: TracingSettings) -> Tracing:
        """One that hears replies only where their content is recorded: others need not be read for that."""
        return super().__new__(_TracingContent if settings.content else cls)

    def __init__(self, settings: TracingSettings) -> None:
        self.settings = settings
        self._recorder: Recorder | None = None
        if not _ADDRESS.fullmatch(settings.endpoint):
            raise ConfigError(
                "must be an http or https address without credentials and query.",
                path="tracing.endpoint",
                hint='Write it as "http://collector:4318/v1/traces"; keys belong into headers_secret.',
            )

    @hookimpl
    async def startup(self, edition: Edition) -> None:
        """Begin to record."""
        from .recorder import recorder

        self._recorder = recorder(self.settings, edition)

    @hookimpl
    async def shutdown(self) -> None:
        """Send what waits, for a few seconds at most."""
        if self._recorder is not None:
            recorder, self._recorder = self._recorder, None
            await asyncio.to_thread(recorder.close, FLUSH)

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Begin the attempt's span, and tell the upstream of it."""
        if self._recorder is not None:
            self._recorder.begin(exchange, attempt)

    @hookimpl
    def observe(self, exchange: Exchange, attempt: Attempt) -> None:
        """The attempt's span ends."""
        if self._recorder is not None:
            self._recorder.end(exchange, attempt)

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """The exchange's span ends, and with it those of its hooks."""
        if self._recorder is not None:
            self._recorder.finish(exchange)


class _TracingContent(Tracing):
    """One that also hears what is answered."""

    @hookimpl
    async def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """Listen as the reply flows; of several, to the last."""
        hear = self._recorder.hear(exchange) if self._recorder is not None else None
        async for event in events:
            if hear is not None:
                hear(event)
            yield event
