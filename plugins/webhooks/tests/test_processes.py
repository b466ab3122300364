"""Real gateways that are killed: nothing that the ledger or the outbox knows is lost, and all of it is verified."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from receiving import BODY, CHAT, SECRET
from standardwebhooks import Webhook
from tollhouse.store.opening import open_store
from tollhouse.testing import Served, run
from tollhouse_webhooks.catalogue import TestData as Trial
from tollhouse_webhooks.letter import write
from tollhouse_webhooks.outbox import put_in

pytestmark = pytest.mark.slow

CONFIG = """
plugins = ["openai", "budget", "webhooks", "./tariff.py"]

[server]
workers = {workers}
engine = "uvicorn"

[store]
url = "{url}"
bound = "2s"

[providers]
simulator = {{ ttft = "off", tokens_per_second = 0 }}

[budget]
total = "{total} total"

[webhooks.ops]
url = "{hook}/ops"
secret = "{secret}"
allow = ["127.0.0.1"]
timeout = "1s"

[webhooks.dead]
url = "http://127.0.0.1:9/"
secret = "{secret}"
allow = ["127.0.0.1"]
timeout = "1s"
"""

TARIFF = '''"""A dollar per million tokens."""

from decimal import Decimal

from tollhouse import Rates, hookimpl


class Tariff:
    @hookimpl
    def price(self, target):
        return Rates({"input": Decimal(1), "output": Decimal(1)}, "test")
'''


class Receiver:
    """A server of its own thread that takes what the reference library accepts."""

    def __init__(self):
        self.messages, self.refused, self.lock = [], [], threading.Lock()
        webhook, receiver = Webhook(SECRET), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    message, status = webhook.verify(body, dict(self.headers.items())), 204
                except Exception as error:
                    status = 401
                    receiver.refused.append(error)
                else:
                    with receiver.lock:
                        receiver.messages.append((self.headers["webhook-id"], message))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def of(self, type_):
        with self.lock:
            return [message["data"] for _, message in self.messages if message["type"] == type_]

    @property
    def ids(self):
        with self.lock:
            return [id_ for id_, _ in self.messages]


@pytest.fixture(params=["sqlite", "redis"])
def url(request, tmp_path):
    """The URL of a fresh store."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path}/state.db"
        return
    redis = pytest.importorskip("tollhouse_redis.testing", reason="the Redis store is not installed")
    if not redis.RedisServer.installed():
        pytest.skip("there is no redis-server to start")
    with redis.redis_server() as server:
        yield server


def config(folder, url, hook, **more):
    (folder / "tariff.py").write_text(TARIFF)
    return CONFIG.format(url=url, hook=hook, secret=SECRET, **{"workers": 1, "total": "1 USD"} | more)


def wait(true, seconds=40.0):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "what was waited for did not come"
        time.sleep(0.05)


async def storm(at, count, done):
    """Ask `count` times, 16 at once, until it is no use any more."""
    limits = httpx.Limits(max_connections=16)
    room = asyncio.Semaphore(16)
    async with httpx.AsyncClient(limits=limits, timeout=20) as client:

        async def ask():
            async with room:
                with contextlib.suppress(httpx.TransportError):
                    answer = await client.post(f"{at}{CHAT}", json=BODY | {"max_tokens": 10})
                    done.append(answer.status_code)

        await asyncio.gather(*(ask() for _ in range(count)))


def asked(gate, count, done):
    """A storm in a thread of its own."""
    thread = threading.Thread(target=lambda: asyncio.run(storm(gate.url, count, done)))
    thread.start()
    return thread


def kill(gate):
    """End all its processes as a crash does."""
    for pid in {gate.process.pid, *gate.workers}:
        os.kill(pid, signal.SIGKILL)
    gate.process.wait()
    gate.stop()


def booked(url):
    """Ids of the exchanges that the ledger says an upstream answered."""

    async def read():
        store = open_store(url)
        ids, after = set(), ""
        while rows := await store.rows(0, 4e9, {"outcome": "completed"}, after=after):
            ids |= {row.id for row in rows}
            after = rows[-1].id
        await store.close()
        return ids

    return run(read())


def test_a_gateway_killed_twice_in_a_thousand_requests_loses_no_message(url, tmp_path):
    """What an upstream answered, by the ledger, is told; what the caller read to its end is in the ledger."""
    done = []
    with Receiver() as receiver:
        text = config(tmp_path, url, receiver.url)
        for turn in range(3):
            with Served(tmp_path, text) as gate:
                thread = asked(gate, 400, done)
                if turn < 2:
                    before = len(done)
                    wait(lambda before=before: len(done) >= before + 300)
                    kill(gate)
                    thread.join()
                    continue
                thread.join()
                ids = booked(url)
                wait(lambda ids=ids: ids <= {data["id"] for data in receiver.of("request.completed")})
                gate.stop()
        told = Counter(data["id"] for data in receiver.of("request.completed"))
        assert receiver.refused == []
    ids = booked(url)
    assert done.count(200) == len(done) >= 1000
    assert set(told) == ids
    assert len(ids) >= len(done)
    assert len(ids) <= sum(told.values()) <= len(ids) + 2 * 8 * 2  # what was under way at a kill may come twice


def test_a_thousand_messages_of_the_outbox_survive_a_gateway_that_is_killed_delivering_them(url, tmp_path):
    async def fill():
        store = open_store(url)
        for number in range(1000):
            letter = write("webhook.test", time.time(), Trial(webhook="ops"), f"msg_{number}")
            assert await put_in(store, f"mail:{letter.id}", ["ops"], letter)
            assert not await put_in(store, f"mail:{letter.id}", ["ops"], letter)
        await store.close()

    run(fill(), 60)
    with Receiver() as receiver:
        text = config(tmp_path, url, receiver.url)
        for share in (200, 600):
            with Served(tmp_path, text) as gate:
                wait(lambda share=share: len(set(receiver.ids)) >= share)
                kill(gate)
        with Served(tmp_path, text):
            wait(lambda: len(set(receiver.ids) & {f"msg_{number}" for number in range(1000)}) == 1000)
        assert receiver.refused == []
        assert len(receiver.ids) <= 1000 + 2 * 8 + 10  # and what budgets and reloads had to say


def test_four_workers_tell_of_one_budget_once_and_of_each_request_once(url, tmp_path):
    done = []
    with (
        Receiver() as receiver,
        Served(tmp_path, config(tmp_path, url, receiver.url, workers=4, total="0.0003 USD")) as gate,
    ):
        asked(gate, 200, done).join()
        served = done.count(200)
        assert 0 < served < 200
        wait(lambda: len(receiver.of("request.completed")) >= served)
        wait(lambda: receiver.of("budget.exhausted"))
        time.sleep(1.0)
        told = receiver.of("request.completed")
        marks = sorted(data["percent"] for data in receiver.of("budget.threshold"))
        assert len(told) == len({data["id"] for data in told}) == served
        assert marks == [50, 80, 95]
        assert len(receiver.of("budget.exhausted")) == 1
        assert receiver.refused == []
