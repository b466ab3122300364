"""What the tests of authentication share: a clock that obeys, a provider that echoes, keys made in one line, and the
stores that several processes can share."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tollhouse import Principal, SimpleProvider, StoreError
from tollhouse.gateway import Gateway
from tollhouse_auth.keyring import Actor
from tollhouse_auth.wish import Wish

PEPPER = "a pepper for tests only"
START = 1_700_000_000.0

CONFIG = f"""
plugins = ["openai", "anthropic", "gemini", "auth"]

[auth]
pepper = "{PEPPER}"

[providers.echo]

[models]
fast = ["echo/fast"]
slow = ["echo/slow"]
fast-mini = ["echo/mini"]

[teams.search]
models = ["fast*"]

[keys.ci]
secret = "sk-fake-ci"
team = "search"
"""


class Echo(SimpleProvider):
    """Says which model it was asked for."""

    async def generate(self, request: Any) -> Any:
        yield request.model


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = START

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Watched:
    """A real store that counts what it is asked, can be away, and can be held up."""

    def __init__(self, store: Any) -> None:
        self.store, self.asked, self.away = store, [], False
        self.gate: Any = None

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        if name in ("subscribe", "scan", "close"):
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.asked.append((name, *args))
            if self.away:
                raise StoreError("the store is away")
            result = await method(*args, **kwargs)
            if self.gate is not None and name == "get":
                await self.gate.wait()
            return result

        return call

    def keys_asked(self) -> int:
        return sum(1 for name, *keys in self.asked if name == "get" and str(keys[0]).startswith("auth:"))


def auth(gateway: Gateway) -> Any:
    """The plugin in this gateway."""
    return next(one.plugin for one in gateway.edition.plugged if one.name == "auth")


async def made(gateway: Gateway, name: str = "anna", **wish: Any) -> str:
    """A key of the store: its secret."""
    fresh = await auth(gateway).keyring.create(Wish(name=name, **wish), gateway.edition, Actor("cli:test"))
    return str(fresh.secret)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def asks(model: str = "fast", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


def code(response: Any) -> str:
    """The stable code of an error in OpenAI's shape."""
    return str(msgspec.json.decode(response.body)["error"]["code"])


@pytest.fixture
def house() -> Any:
    """The parts above by name, since test modules cannot import this file."""
    return SimpleNamespace(
        CONFIG=CONFIG,
        PEPPER=PEPPER,
        START=START,
        Clock=Clock,
        Echo=Echo,
        Watched=Watched,
        Principal=Principal,
        asks=asks,
        auth=auth,
        bearer=bearer,
        code=code,
        made=made,
    )


def _redis() -> bool:
    return importlib.util.find_spec("tollhouse_redis") is not None and shutil.which("redis-server") is not None


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of our own, on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


SHARED = ["sqlite", pytest.param("redis", marks=pytest.mark.skipif(not _redis(), reason="no Redis"))]


@pytest.fixture(scope="session")
def url_of(request: pytest.FixtureRequest) -> Callable[[str, Path], str]:
    """The URL of an empty store of this kind that several processes can share."""

    def fresh(kind: str, folder: Path) -> str:
        if kind == "sqlite":
            return f"sqlite:{folder}/shared/state.db"
        url: str = request.getfixturevalue("redis_url")
        port = url.split(":")[2].split("/")[0]
        subprocess.run(["redis-cli", "-p", port, "flushall"], check=True, stdout=subprocess.DEVNULL)
        return url

    return fresh


@pytest.fixture(params=SHARED)
def shared_url(request: pytest.FixtureRequest, url_of: Callable[[str, Path], str], tmp_path: Path) -> str:
    """Every store that several processes can share, one after the other."""
    return url_of(request.param, tmp_path)


@pytest.fixture(scope="module", params=SHARED)
def shared(
    request: pytest.FixtureRequest, url_of: Callable[[str, Path], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A folder and a store for all tests of a module, for each kind of store."""
    folder = tmp_path_factory.mktemp(request.param)
    return folder, url_of(request.param, folder)
