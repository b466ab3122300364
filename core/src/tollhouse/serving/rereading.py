"""Reading gateway.toml again because somebody asked from within: in this process, or by way of the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from ..edition import Edition
from ..errors import ConfigError
from ..events import ConfigRefused, ConfigReloaded
from ..plugins import Catalog
from .fixed import check_fixed
from .source import Source
from .worker import Worker

LONGEST = 60.0
"""Seconds a supervisor may take to have this worker reloaded: it tries the file out, then tells one after another."""


class Alone:
    """For a worker without a supervisor. One reload at a time."""

    def __init__(self, worker: Worker, source: Source, say: Callable[[str], None]) -> None:
        self._worker, self._source, self._say = worker, source, say
        self._one = asyncio.Lock()

    async def __call__(self) -> None:
        """Reload, and say how it went. Raises ConfigError."""
        async with self._one:
            try:
                await self._reload()
            except ConfigError as error:
                self._say(refusal(self._source, error))
                raise
            self._say(reloaded(self._source))

    async def _reload(self) -> None:
        try:
            fresh = self._source.load()
        except ConfigError as error:
            self._worker.refused(error)
            raise
        await self._worker.reload(fresh)


class Supervised:
    """For one of several workers: its supervisor reloads all of them."""

    def __init__(self, worker: Worker, source: Source) -> None:
        self._worker, self._source = worker, source

    async def __call__(self) -> None:
        """Try the file out here, for the words of a refusal; then ask the supervisor, and wait until it has come to
        this worker. Raises ConfigError."""
        gateway = self._worker.gateway
        fresh = self._source.parse(self._source.text())
        check_fixed(gateway.edition.loaded, fresh)
        catalog = await asyncio.to_thread(Catalog, fresh.path.parent)
        trial = Edition(gateway, fresh, gateway.edition.number + 1, catalog)
        await trial.stop()
        follower = gateway.feed.follow()
        os.kill(os.getppid(), signal.SIGHUP)
        try:
            async with asyncio.timeout(LONGEST):
                async for _, event in follower:
                    if isinstance(event, ConfigRefused):
                        raise ConfigError(event.why)
                    if isinstance(event, ConfigReloaded):
                        return
        except TimeoutError:
            raise ConfigError(
                f"{self._source.path} was not taken over within {LONGEST:g} s.", hint="The gateway's log says more."
            ) from None
        finally:
            follower.close()


def reloaded(source: Source) -> str:
    """The line about a reload that worked."""
    return f"Reloaded {source.path}."


def refusal(source: Source, why: object) -> str:
    """The line about one that did not."""
    return f"{source.path} was refused, the old configuration keeps serving: {why}"
