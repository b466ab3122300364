"""A served gateway for the SDK's journeys, and an upstream on a thread of its own, since the SDK's calls block."""

import asyncio
import contextlib
import json
import re
import threading
import time
from pathlib import Path

import msgspec
from tollhouse.testing import Served, Upstream
from tollhouse.testing.upstream import Script, scripted

KEY = "sk-upstream-canary-0123456789"
"""The provider's credential: it must appear upstream and nowhere else."""

HI = [{"role": "user", "content": "hi"}]
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
BODY = {
    "id": "chatcmpl-7",
    "object": "chat.completion",
    "created": 7,
    "model": "gpt-real-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}

CONFIG = """
plugins = ["openai", "./witness.py", "./parrot.py"]
undeclared_models = true

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[providers.up]
kind = "openai"
base_url = "{url}/v1"
api_key = "{key}"

[providers.parrot]

[models]
echo = ["simulator/echo"]
demo = ["simulator/demo"]
lorem = ["simulator/lorem"]
thinker = ["simulator/thinker"]
tools = ["simulator/tools"]
embed = ["simulator/embed"]
remote = ["up/gpt-real"]
pretty-bird = ["parrot/polly"]
"""

WITNESS = '''
"""Prints how every exchange ended, once it is settled."""

import json

from tollhouse import hookimpl


class Witness:
    def __init__(self, settings=None):
        pass

    @hookimpl
    async def settle(self, exchange):
        usage = exchange.usage
        said = {
            "request": exchange.request_id, "outcome": exchange.outcome, "status": exchange.status,
            "tokens": usage.total if usage else 0, "source": usage.source if usage else "",
            "attempts": [a.state for a in exchange.attempts],
        }
        print("witness " + json.dumps(said), flush=True)
'''

PARROT = '''
"""A provider in one file."""

from tollhouse import SimpleProvider, Usage


class Parrot(SimpleProvider):
    """Says it again."""

    async def generate(self, request):
        for word in request.body.messages[-1].parts[0].text.split():
            yield word + "! "
        yield Usage(input=4, output=2)
'''


class House:
    """The gateway of CONFIG as a process of its own."""

    def __init__(self, folder, url, config=CONFIG, **files):
        self.folder = folder
        for name, text in ({"witness": WITNESS, "parrot": PARROT} | files).items():
            Path(folder, f"{name}.py").write_text(text)
        self.served = Served(folder, config.format(url=url, key=KEY))

    def __enter__(self):
        self.served.__enter__()
        self.url, self.process = self.served.url, self.served.process
        return self

    def __exit__(self, *_):
        code = self.served.stop()
        assert code == 0, self.output
        assert KEY not in self.output
        assert "Traceback" not in self.output

    @property
    def output(self):
        return self.served.output

    def ended(self, request_id, seconds=10.0):
        """How the exchange of this request id ended, as the witness saw it; exactly once."""

        def found():
            lines = re.findall(r"^witness (.*)$", self.output, re.MULTILINE)
            return [said for said in map(json.loads, lines) if said["request"] == request_id]

        wait_until(found, seconds)
        [once] = found()
        return once

    def peak(self):
        """The most memory the process ever held, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


class Elsewhere:
    """tollhouse.testing.Upstream on a thread: `answer` and `then` as there, and `requests` so far."""

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
        return self._upstream.requests

    @property
    def open(self):
        return self._upstream.open

    def answer(self, body=b"", status=200, headers=None):
        """Queue an answer; the last one is repeated."""
        self._queue.append(lambda request: scripted(body, status, headers))

    def then(self, answer):
        """Queue an answer that depends on the request."""
        self._queue.append(answer)

    def clear(self):
        self._queue.clear()
        self.requests.clear()

    def _next(self, request):
        if not self._queue:
            return Script(500, {"content-type": "text/plain"}, b"nothing was scripted")
        return (self._queue.pop(0) if len(self._queue) > 1 else self._queue[0])(request)

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def wait_until(true, seconds=10.0):
    """Wait until `true()` is."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.01)


def chunk(delta=None, finish=None, **more):
    """A chunk of a streamed completion."""
    choices = [] if delta is None and finish is None else [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    base = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 7, "model": "gpt-real-2026"}
    return base | {"choices": choices} | more


def event(data):
    """One server-sent event."""
    return b"data: " + (data if isinstance(data, bytes) else msgspec.json.encode(data)) + b"\n\n"


def ticking(count, pause):
    """A stream of `count` words that takes its time."""
    yield event(chunk({"role": "assistant", "content": ""}))
    for number in range(count):
        yield event(chunk({"content": f"w{number} "}))
        yield pause
    yield event(chunk(finish="stop"))
    yield event(chunk(usage=USAGE))
    yield event(b"[DONE]")


def text(chunks):
    """What a stream says."""
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@contextlib.contextmanager
def left_alone(stream):
    """A stream that is closed at the end of the block, whatever is left of it."""
    try:
        yield stream
    finally:
        stream.close()
