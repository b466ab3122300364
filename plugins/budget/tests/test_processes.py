"""Budgets over real processes and real stores: SQLite's file, and a Redis server where there is one."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import anthropic
import httpx
import msgspec
import openai
import pytest
from tollhouse import Demand
from tollhouse.config.limits import Money
from tollhouse.store.opening import open_store
from tollhouse.testing import Served, gateway, run
from tollhouse_budget.calendar import TOTAL_ENDS

pytestmark = pytest.mark.slow

TARIFF = '''"""Ten USD per million output tokens, one per million input tokens."""

from decimal import Decimal

from tollhouse import Rates, hookimpl


class Tariff:
    @hookimpl
    def price(self, target):
        return Rates({"input": Decimal(1), "output": Decimal(10)}, "test")
'''

CONFIG = """
plugins = ["openai", "anthropic", "budget", "./tariff.py"]

[server]
workers = {workers}

[store]
url = "{url}"
bound = "2s"

[providers]
simulator = {{ ttft = "{ttft}", tokens_per_second = {pace} }}

[models]
demo = ["simulator/lorem"]

[budget]
total = "{total} total"
"""

BODY = {"model": "demo", "max_tokens": 40, "messages": [{"role": "user", "content": "Tell me something."}]}
WORST = len(msgspec.json.encode(BODY)) // 4 * 1_000 + 40 * 10_000
"""Nano-USD that one such call may cost, by the estimate a gateway begins with."""


@pytest.fixture(params=["sqlite", "redis"])
def url(request, tmp_path):
    """A store's URL, which is that of a fresh one."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path}/state.db"
        return
    redis = pytest.importorskip("tollhouse_redis.testing", reason="the Redis store is not installed")
    if not redis.RedisServer.installed():
        pytest.skip("there is no redis-server to start")
    with redis.RedisServer() as server:
        yield server.url


def config(folder: Path, url: str, **more) -> str:
    (folder / "tariff.py").write_text(TARIFF)
    said = {"workers": 1, "ttft": "off", "pace": 0, "total": "1 USD", **more}
    return CONFIG.format(url=url, **said)


def books(url: str) -> tuple[int, int, dict[str, int]]:
    """What the counter says, what the ledger says, and how many exchanges ended how."""

    async def read():
        store = open_store(url)
        whole = Demand(
            key="budget:total:total:0",
            kind="window",
            measure="nano_usd",
            amount=0,
            limit=10**12,
            until=TOTAL_ENDS,
        )
        [level] = await store.levels([whole])
        sums = await store.sums(["outcome"], 0, 4e9)
        await store.close()
        return level.used, sum(line.cost for line in sums), {line.by[0]: line.requests for line in sums}

    return run(read())


def test_200_calls_at_once_over_4_processes_spend_no_more_than_the_budget(url, tmp_path):
    """It is worth 50 of them. None of the first 50 may be refused, and no nano-dollar may be missing afterwards."""
    budget = 50 * WORST

    async def storm(at):
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:
            return await asyncio.gather(*(client.post(f"{at}/v1/chat/completions", json=BODY) for _ in range(200)))

    text = config(tmp_path, url, workers=4, ttft="700ms", total=Money(budget).spoken())
    with Served(tmp_path, text) as gate:
        answers = asyncio.run(storm(gate.url))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 429}
        assert {a.json()["error"]["code"] for a in answers if a.status_code == 429} == {"insufficient_quota"}
        counter, ledger, outcomes = books(url)
        accepted = statuses.count(200)
        assert counter == ledger <= budget
        assert counter == sum(cost(answer) for answer in answers if answer.status_code == 200)
        assert accepted >= 50
        assert outcomes == {"completed": accepted, "rejected": 200 - accepted}
        while httpx.post(f"{gate.url}/v1/chat/completions", json=BODY, timeout=30).status_code == 200:
            pass
        counter, ledger, _ = books(url)
        assert budget - WORST < counter == ledger <= budget


def cost(answer: httpx.Response) -> int:
    """What an answer's usage costs."""
    usage = answer.json()["usage"]
    return int(usage["prompt_tokens"]) * 1_000 + int(usage["completion_tokens"]) * 10_000


DIES = """
import asyncio, sys
import tollhouse.background, tollhouse.holds, tollhouse.journey.holding
from pathlib import Path
from tollhouse.testing import Client, gateway

tollhouse.holds.HOLD_TTL = tollhouse.journey.holding.HOLD_TTL = tollhouse.background.ELECTION = 1.0

async def main():
    async with gateway(sys.stdin.read(), folder=Path.cwd()) as made:
        body = {"model": "demo", "max_tokens": 40, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        client = Client(made)

        async def ask(stall):
            headers = {"x-simulate": "stall_after=3"} if stall else {}
            async with client.stream("/v1/chat/completions", body, headers) as stream:
                async for chunk in stream.chunks():
                    if stall and b"delta" in chunk:
                        return await asyncio.sleep(3600)

        await asyncio.gather(*(ask(False) for _ in range(3)))
        stalled = [asyncio.ensure_future(ask(True)) for _ in range(5)]
        while len(made.in_flight) < 5 or not all(one.commit == "content" for one in made.in_flight):
            await asyncio.sleep(0.01)
        print(sum(one.held["nano_usd"] for one in made.in_flight), flush=True)
        await asyncio.wait(stalled)

asyncio.run(main())
"""


def test_a_process_killed_in_the_middle_of_streams_loses_no_money_and_blocks_none(url, tmp_path):
    """What it held stays booked, with a row `lost` for each call; nothing is negative, nothing waits for ever."""
    text = config(tmp_path, url, total="0.01 USD")
    with subprocess.Popen(
        [sys.executable, "-c", DIES], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(text)
        process.stdin.close()
        held = int(process.stdout.readline())
        during, settled, outcomes = books(url)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    assert during == held + settled
    assert outcomes == {"completed": 3}

    async def restart():
        from tollhouse.testing import Client

        async with gateway(text, folder=tmp_path) as made:
            until = time.monotonic() + 30
            while len(await made.store.sums(["outcome"], 0, 4e9, {"outcome": "lost"})) == 0:
                assert time.monotonic() < until, "the holds of the dead process were never taken"
                await asyncio.sleep(0.1)
                await made.store.put("tick", b"")
            return (await Client(made).post("/v1/chat/completions", BODY)).status

    time.sleep(1.1)
    assert run(restart(), 60) == 200
    counter, ledger, outcomes = books(url)
    assert outcomes == {"completed": 4, "lost": 5}
    assert counter == ledger > held + settled


def test_the_official_clients_do_not_try_again(tmp_path):
    url = f"sqlite:{tmp_path}/state.db"
    with Served(tmp_path, config(tmp_path, url, total="0.00001 USD")) as gate:
        caller = openai.OpenAI(base_url=f"{gate.url}/v1", api_key="sk-fake", max_retries=3)
        with pytest.raises(openai.RateLimitError) as raised:
            caller.chat.completions.create(**BODY)
        assert (raised.value.code, raised.value.type) == ("insufficient_quota", "insufficient_quota")
        other = anthropic.Anthropic(base_url=gate.url, api_key="sk-fake", max_retries=3)
        with pytest.raises(anthropic.RateLimitError) as told:
            other.messages.create(**BODY)
        assert told.value.body["error"]["type"] == "billing_error"
        shown = subprocess.run(
            [sys.executable, "-m", "tollhouse", "budgets"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
    assert books(url) == (0, 0, {"rejected": 2})
    assert "the gateway" in shown.stdout
    assert "0 USD" in shown.stdout
