"""Gateways and exchanges for tests, made of plugins that need not be installed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..clock import Clock
from ..config import parse
from ..dialect import Dialect, Route
from ..exchange import Exchange
from ..gateway import Gateway
from ..plugins import Found, as_plugin
from ..store import Store
from ..transport import Transport

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
    """Run a test's coroutine on a fresh loop for at most so many seconds. Fails when it leaves tasks behind, or
    an exception nobody fetched."""

    async def bounded() -> T:
        complaints: list[Mapping[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with asyncio.timeout(seconds):
            result = await work
        for _ in range(5):
            await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            raise AssertionError(f"tasks left behind: {left}")
        if complaints:
            raise AssertionError(f"errors nobody fetched: {complaints}")
        return result

    return asyncio.run(bounded())


@asynccontextmanager
async def gateway(
    config: str = "",
    *plugins: type | object,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    clock: Clock | None = None,
    transport: Transport | None = None,
    store: Store | None = None,
) -> AsyncIterator[Gateway]:
    """A started gateway: `config` as in gateway.toml (its plugins must be installed), and `plugins` behind them:
    classes, made with their settings, or ready instances, named by the class in lower case or its `name`. The
    store is in memory unless the text or `store` says otherwise. Closed at the end."""
    with tempfile.TemporaryDirectory() as spare:
        base = folder or Path(spare)
        if "[store]" not in config:
            config += '\n[store]\nurl = "memory:"\n'
        loaded = parse(config, environ or {}, path=base / "gateway.toml")
        extra = [_found(plugin) for plugin in plugins]
        made = Gateway(loaded, clock=clock, transport=transport, store=store, extra=extra)
        await made.start()
        try:
            yield made
        finally:
            await made.close()


def exchange(
    made: Gateway,
    dialect: Dialect | str = "openai",
    *,
    task: str = "chat",
    raw: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> Exchange:
    """An exchange that has been understood and not yet admitted, for calling a hook alone. Without `raw` it has
    no request."""
    spoken = made.edition.dialects[dialect] if isinstance(dialect, str) else dialect
    route = next((r for r in spoken.routes if r.task == task), Route("POST", f"/{task}", task))
    one = Exchange(made, made.edition, dialect=spoken, route=route, headers=headers or {}, path=route.path)
    if raw:
        one.request = spoken.request(raw, route)
        one.model = one.request.model
    return one


def _found(plugin: type | object) -> Found:
    if isinstance(plugin, type):
        name = getattr(plugin, "name", plugin.__name__.lower())
        return Found(name, as_plugin(name, plugin, "plugins"), "test", "0")
    name = getattr(plugin, "name", type(plugin).__name__.lower())
    return Found(name, _Ready(plugin), "test", "0")


class _Ready:
    """Stands where a plugin class is expected, and gives the instance that is already there."""

    def __init__(self, plugin: object) -> None:
        self.Level = getattr(plugin, "Level", None)
        self._plugin = plugin

    def __call__(self) -> object:
        return self._plugin
