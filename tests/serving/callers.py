"""The parts of the serving tests: a configuration, calls, and load that notes what failed and when."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import httpx

CONFIG = """
plugins = ["openai"{plugins}]

[server]
engine = "{engine}"
{server}

[providers]
simulator = {{ ttft = "{ttft}", tokens_per_second = {pace} }}

[models]
demo = ["simulator/echo"]
"""


def config(engine, server="", *, ttft="off", pace=0, plugins="", more=""):
    """A gateway.toml; `server` are further lines of `[server]`."""
    return CONFIG.format(engine=engine, server=server, ttft=ttft, pace=pace, plugins=plugins) + more


def asks(content="one two three", **more):
    """A chat's body."""
    return {"model": "demo", "messages": [{"role": "user", "content": content}], **more}


def chat(url, content="one two three", client=httpx, **more):
    """The answer to a chat."""
    return client.post(f"{url}/v1/chat/completions", json=asks(content, **more), timeout=30)


def said(response):
    return response.json()["choices"][0]["message"]["content"]


def wait_until(true, seconds=10.0):
    """Wait until `true()` is."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.01)


def without(folder, *modules):
    """An environment in which these modules cannot be imported."""
    blocked = folder / "blocked"
    for name in modules:
        (blocked / name).mkdir(parents=True, exist_ok=True)
        (blocked / name / "__init__.py").write_text(f"raise ModuleNotFoundError('No {name}', name='{name}')\n")
    return {"PYTHONPATH": str(blocked)}


def refused(folder, text, environ=None, listen="127.0.0.1:0"):
    """What `tollhouse serve` says when it does not start."""
    (folder / "gateway.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "tollhouse", "serve", "--listen", listen],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    return done.stderr


class Load:
    """`with Load(url, 8)`: so many callers, each asking again and again. `failed` are (began, why) of calls that did
    not end well; `fresh` callers connect anew for each call."""

    def __init__(self, url, callers, *, stream=False, fresh=False):
        self.url, self.callers, self.stream = url, callers, stream
        self.limits = httpx.Limits(max_keepalive_connections=0 if fresh else None)
        self.done, self.failed, self.slowest = 0, [], 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: self.done >= self.callers)
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    async def _run(self):
        async with httpx.AsyncClient(limits=self.limits, timeout=30) as client:
            await asyncio.gather(*(self._asks(client) for _ in range(self.callers)))

    async def _asks(self, client):
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                response = await client.post(f"{self.url}/v1/chat/completions", json=asks(stream=self.stream))
                fine = response.status_code == 200 and (not self.stream or b"data: [DONE]" in response.content)
                if not fine:
                    self.failed.append((began, f"{response.status_code} {response.text[:200]}"))
            except httpx.HTTPError as error:
                self.failed.append((began, repr(error)))
            self.done += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
