"""The plugin: counts from its first configuration on, and answers Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct
from tollhouse import ConfigError, Endpoint, hookimpl
from tollhouse.edition import Edition
from tollhouse.front.asgi import Receive, Scope, Send
from tollhouse.front.response import whole
from tollhouse.gateway import Gateway

from .text import CONTENT_TYPE
from .worker import Worker


class MetricsSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[metrics]`."""

    path: Annotated[str, Meta(pattern=r"^/[\w./-]+$")] = "/metrics"
    """Where they are read."""
    access: Literal["", "public", "caller", "viewer", "operator", "admin"] = ""
    """Who may read them; empty means `viewer` where a plugin knows who is calling, else everybody."""
    max_values: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Most values a label has in one worker; all others are counted as `other`."""
    teams: bool = False
    """Whether requests, tokens and cost are also counted by team."""
    hooks: bool = False
    """Whether the time of every plugin in every hook is measured: two readings of the clock a call."""


class Metrics:
    """GET /metrics for Prometheus."""

    Settings = MetricsSettings

    def __init__(self, settings: MetricsSettings) -> None:
        self.settings = settings
        self._worker: Worker | None = None

    @hookimpl
    async def startup(self, gateway: Gateway, edition: Edition) -> None:
        """Raises ConfigError when the workers cannot share their counts."""
        settings = self.settings
        worker: Worker = gateway.keep("metrics", lambda: Worker(gateway))
        try:
            await worker.open(edition, settings.max_values, by_team=settings.teams, hooks=settings.hooks)
        except OSError as error:
            raise ConfigError(
                f"the workers cannot share their counts: {error}.",
                path="metrics",
                hint="They do so in the temporary folder; $TMPDIR names another.",
            ) from None
        self._worker = worker

    @hookimpl
    async def shutdown(self) -> None:
        """Stop counting with the last configuration."""
        if self._worker is not None:
            worker, self._worker = self._worker, None
            await worker.close()

    @hookimpl
    def endpoints(self, edition: Edition) -> Sequence[Endpoint]:
        """Where they are read."""
        settings = self.settings
        known = edition.chain["authenticate"] or edition.chain["vouch"]
        access = settings.access or ("viewer" if known else "public")
        return [Endpoint(settings.path, self._answer, ("GET", "HEAD"), access)]

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._worker.text() if self._worker is not None else b""
        head = scope["method"] == "HEAD"
        await whole(send, 200, {"content-type": CONTENT_TYPE}, b"" if head else body)
