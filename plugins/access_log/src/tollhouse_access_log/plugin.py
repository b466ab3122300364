"""The plugin: hears how every request ended, and hands it to the writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from tollhouse import ConfigError, hookimpl
from tollhouse.config import Size
from tollhouse.events import Event, RequestEnded
from tollhouse.gateway import Gateway

from .file import File, Output
from .writer import Writer


class AccessLogSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[access_log]`."""

    path: str = ""
    """The file, relative to the working directory; empty for the standard output."""
    max_size: Size = Size("100 MiB")
    """Size from which the file is put aside as `PATH.1` and a new one begun."""
    keep: Annotated[int, Meta(ge=0, le=1000)] = 5
    """Files that are kept beside the one that is written; the oldest is deleted."""


class _Log:
    """One process' log: written once a request, by the latest configuration, while any has it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._editions = 0
        self._writer: Writer | None = None
        self._end: Callable[[], None] | None = None

    async def open(self, writer: Writer) -> None:
        """Write by this one from now on."""
        self._editions += 1
        before, self._writer = self._writer, writer
        if self._end is None:
            self._end = self._gateway.feed.listen(self._hear)
        if before is not None:
            await asyncio.to_thread(before.close)

    async def close(self) -> None:
        """One configuration less."""
        self._editions -= 1
        if self._editions or self._writer is None or self._end is None:
            return
        self._end()
        writer, self._writer, self._end = self._writer, None, None
        await asyncio.to_thread(writer.close)

    def _hear(self, event: Event) -> None:
        if type(event) is RequestEnded and self._writer is not None:
            self._writer.put(event)


class AccessLog:
    """One line of JSON a request."""

    Settings = AccessLogSettings

    def __init__(self, settings: AccessLogSettings) -> None:
        self.settings = settings
        self._log: _Log | None = None

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Raises ConfigError when the file cannot be written."""
        settings = self.settings
        try:
            place = File(Path(settings.path), int(settings.max_size), settings.keep) if settings.path else Output()
        except OSError as error:
            raise ConfigError(
                f"{settings.path} cannot be written: {(error.strerror or type(error).__name__).lower()}.",
                path="access_log.path",
            ) from None
        log: _Log = gateway.keep("access_log", lambda: _Log(gateway))
        await log.open(Writer(place))
        self._log = log

    @hookimpl
    async def shutdown(self) -> None:
        """Write what waits."""
        if self._log is not None:
            log, self._log = self._log, None
            await log.close()
