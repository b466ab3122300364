"""What the tests of the admin API share: a gateway with a slow provider, doors of every access level, and readers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tollhouse import Principal, SimpleProvider, hookimpl
from tollhouse.testing import Client, gateway

CONFIG = """
plugins = ["openai", "admin"]
[providers.slow]
[providers.simulator]
ttft = "off"
tokens_per_second = 0
[models]
echo = ["simulator/echo"]
slow = ["slow/one"]
pair = ["simulator/echo", "slow/two"]
[teams.search]
[keys.ci]
secret = "sk-fake-canary-of-a-caller"
"""
CHAT = "/v1/chat/completions"


class Slow(SimpleProvider):
    """Says a word, then waits until the test lets it go on."""

    name = "slow"

    async def generate(self, request: Any) -> Any:
        yield "well "
        gate = self.gateway.keep("test.gate", asyncio.Event)
        await gate.wait()
        yield "done"


class Doors:
    """Whoever says `Bearer LEVEL` has that level; `team` and `key` by the same name."""

    name = "doors"

    @hookimpl
    async def authenticate(self, exchange: Any) -> Principal | None:
        level = exchange.headers.get("authorization", "").removeprefix("Bearer ")
        if level not in ("caller", "viewer", "operator", "admin"):
            return None
        return Principal(key=f"{level}-key", team="search", access=level)


def asks(model: str = "echo", text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def token(folder: Path = Path()) -> str:
    return (folder / ".tollhouse" / "admin-token").read_text().strip()


class Admin(Client):
    """A client that has the key; paths are below /admin/v1."""

    def __init__(self, gate: Any, key: str = "", host: str = "127.0.0.1:8080") -> None:
        super().__init__(gate, {"authorization": f"Bearer {key or token()}", "host": host})

    async def ask(self, path: str, status: int = 200) -> Any:
        response = await self.get(f"/admin/v1/{path}")
        assert response.status == status, response.body
        return response.json()

    async def tell(self, path: str, body: Any = b"", status: int = 200) -> Any:
        response = await self.post(f"/admin/v1/{path}", body)
        assert response.status == status, response.body
        return response.json()

    @asynccontextmanager
    async def events(self, query: str = "") -> AsyncIterator[Reader]:
        async with self.stream(f"/admin/v1/events?{query}", method="GET", room=100) as stream:
            assert stream.status == 200
            reader = Reader(stream.chunks())
            try:
                yield reader
            finally:
                await reader.close()


class Reader:
    """Reads server-sent events: `await until(type)` gives all up to the first of that type, as (id, data)."""

    def __init__(self, chunks: Any) -> None:
        self._chunks, self._rest = chunks, b""
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def close(self) -> None:
        await self._chunks.aclose()

    async def until(self, name: str, count: int = 1) -> list[tuple[str, dict[str, Any]]]:
        async with asyncio.timeout(15):
            while sum(one[1]["type"] == name for one in self.seen) < count:
                self._feed(await anext(self._chunks))
        return self.seen

    def _feed(self, data: bytes) -> None:
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.decode().splitlines() if not line.startswith(":"))
            if "event" in fields:
                said = json.loads(fields["data"])
                self.seen.append((fields.get("id", ""), {"type": fields["event"], **said}))


@asynccontextmanager
async def open_gateway(*plugins: Any, config: str = CONFIG, **more: Any) -> AsyncIterator[Any]:
    async with gateway(config, Slow, *plugins, **more) as gate:
        try:
            yield gate
        finally:
            gate.keep("test.gate", asyncio.Event).set()


async def until(true: Any, seconds: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token file is made below the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def house() -> Any:
    """The parts above by name, since test modules cannot import this file."""
    return SimpleNamespace(
        CHAT=CHAT,
        CONFIG=CONFIG,
        Admin=Admin,
        Doors=Doors,
        Reader=Reader,
        Slow=Slow,
        asks=asks,
        open=open_gateway,
        token=token,
        until=until,
    )


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server of our own, on a free port."""
    pytest.importorskip("tollhouse_redis")
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        env=os.environ,
    )
    try:
        until_ = time.monotonic() + 10
        while time.monotonic() < until_:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()
