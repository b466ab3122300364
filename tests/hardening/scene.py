"""A served gateway, the upstream behind it, and what the system says of the process."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import httpx
import msgspec
from tollhouse.config import Server
from tollhouse.testing import Served, Upstream
from tollhouse.testing.upstream import Script, scripted

CHAT = "/v1/chat/completions"
KEY = "sk-upstream-canary-0123456789"
"""The provider's credential: it must appear upstream and nowhere else."""

CONFIG = """
plugins = ["openai"]
undeclared_models = true

[server]
{server}

[timeouts]
idle = "1s"

[store]
url = "memory:"

[providers.up]
kind = "openai"
base_url = "{url}/v1"
api_key = "{key}"

[models]
m = ["up/x"]
"""

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
BODY = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "x",
    "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}


def engines():
    """The engines that can serve here."""
    if "engine" not in Server.__struct_fields__:
        return ["hypercorn"]
    from tollhouse.errors import ConfigError
    from tollhouse.serving.engine import engine

    found = []
    for name in ("hypercorn", "uvicorn"):
        try:
            engine(name)
        except ConfigError:
            continue
        found.append(name)
    return found


def asks(stream=False, **more):
    """A chat request."""
    return msgspec.json.encode(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **more}
    )


def event(data):
    """One server-sent event."""
    return b"data: " + (data if isinstance(data, bytes) else msgspec.json.encode(data)) + b"\n\n"


def chunk(content=None, finish=None, **more):
    """An event with a piece of a streamed completion."""
    choices = [{"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": finish}]
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": choices}
    return event(base | more)


def ticking(count, pause):
    """A stream of so many words that takes its time."""
    for number in range(count):
        yield chunk(f"w{number} ")
        yield pause
    yield chunk(finish="stop")
    yield event(b"[DONE]")


class Elsewhere:
    """tollhouse.testing.Upstream on a thread of its own, since the tests block."""

    def __init__(self):
        self._queue = []
        self._upstream = Upstream(self._next)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._call(self._upstream.__aenter__())
        self.url = self._upstream.url
        return self

    def __exit__(self, *_):
        self._call(self._upstream.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def requests(self):
        """What was asked so far."""
        return self._upstream.requests

    @property
    def open(self):
        """Connections that are open."""
        return self._upstream.open

    def answer(self, body=b"", status=200, headers=None):
        """Queue an answer; the last one is repeated."""
        self._queue.append(lambda request: scripted(body, status, headers))

    def then(self, answer):
        """Queue an answer that depends on the request."""
        self._queue.append(answer)

    def clear(self):
        """Forget what was queued and asked."""
        self._queue.clear()
        self.requests.clear()

    def _next(self, request):
        if not self._queue:
            return Script(500, {"content-type": "text/plain"}, b"nothing was scripted")
        return (self._queue.pop(0) if len(self._queue) > 1 else self._queue[0])(request)

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


class Gate:
    """The gateway of CONFIG in a process of its own, on one engine."""

    def __init__(self, folder, url, engine, server=""):
        if "engine" in Server.__struct_fields__:
            server = f'engine = "{engine}"\n{server}'
        self.engine = engine
        self._served = Served(folder, CONFIG.format(url=url, key=KEY, server=server))

    def __enter__(self):
        self._served.__enter__()
        self.url, self.process = self._served.url, self._served.process
        wait_until(self._ready)
        return self

    def __exit__(self, *_):
        code = self._served.stop()
        assert code == 0, self.output
        assert KEY not in self.output
        assert "Traceback" not in self.output, self.output

    @property
    def output(self):
        """What the process printed so far."""
        return self._served.output

    def _ready(self):
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.ConnectError:
            return False

    def wait_for(self, words):
        """Wait until the process printed these words."""
        self._served.wait_for(words)

    def memory(self):
        """MiB the process and its workers hold."""
        return sum(_status(pid, "VmRSS") for pid in _family(self.process.pid)) / 1024

    def descriptors(self):
        """Files and sockets the process and its workers have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in _family(self.process.pid))


def _family(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [one for child in (task / "children").read_text().split() for one in _family(int(child))]
    return found


def _status(pid, name):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def wait_until(true, seconds=10.0):
    """Wait until `true()` is."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.005)
