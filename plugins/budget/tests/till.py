"""What the tests share: a clock of their own, prices, callers with names, and a provider that bills as it is told."""

import asyncio
import time
from contextlib import asynccontextmanager
from decimal import Decimal

from tollhouse import Next, Principal, ProviderError, Rates, SimpleProvider, Usage, hookimpl
from tollhouse.rates import Tier
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, gateway, run
from tollhouse_budget import Budget

CHAT = "/v1/chat/completions"
IN, OUT = 1_000, 10_000
"""Nano-USD a token."""
NOON = 1_795_176_000.0
"""Noon of the 20th of November 2026 in UTC, a Friday."""

CONFIG = """
plugins = ["openai", "anthropic"]
[providers]
bank = {{}}
other = {{ kind = "bank" }}
[models]
demo = ["bank/x", "other/x"]
free = ["bank/free"]
gift = ["bank/gift"]
short = ["bank/short"]
written = ["bank/written"]
tiered = ["bank/tiered"]
each = ["bank/each"]
dearer = ["bank/x", "other/dear"]
later = ["bank/x", "other/free"]
{more}
"""


class Clock:
    """Stands still until a test moves it; durations are real."""

    def __init__(self, now=NOON):
        self.now = now

    monotonic = staticmethod(time.monotonic)

    def time(self):
        return self.now


def card(input_, output, **more):
    """A rate card of USD per million tokens."""
    written = {name: Decimal(rate) for name, rate in more.pop("rates", {}).items()}
    return Rates({"input": Decimal(input_), "output": Decimal(output)} | written, "test", **more)


CARDS = {
    "x": card(1, 10),
    "gift": card(0, 0),
    "short": card(1, 10, max_output=50),
    "written": card(1, 10, rates={"cache_write": 3, "cache_write_1h": 5, "reasoning": 20}),
    "tiered": card(1, 10, tiers=(Tier(200, {"input": Decimal(2), "output": Decimal(40)}),)),
    "each": card(1, 10, request_usd=Decimal("0.001")),
    "dear": card(10, 100),
}


class Tariff:
    """One USD per million input tokens, ten per million of output; others by the model's name. `free` has no price."""

    name = "tariff"

    @hookimpl
    def price(self, target):
        return CARDS.get(target.model)


class Who:
    """Believes the header `x-who`: `key/team/user/tag tag`."""

    name = "who"

    @hookimpl
    async def authenticate(self, exchange):
        key, team, user, tags = (exchange.headers.get("x-who", "").split("/") + [""] * 4)[:4]
        access = "viewer" if key == "boss" else "caller"
        return Principal(key=key, team=team, user=user, tags=tuple(tags.split()), access=access)


class GoesOn:
    """Failover: the next target of the plan that was not tried."""

    name = "goes_on"

    @hookimpl
    async def recover(self, exchange, attempt):
        tried = {a.target for a in exchange.attempts}
        left = [t for t in exchange.plan.targets if t not in tried]
        return Next(left[0]) if left else None


class Bank(SimpleProvider):
    """Bills what the last message says: `3 5` is three tokens of input and five of output. `fail` fails after it was
    billed, `wait` waits for ever before it answers, `hang` after three words, and `down`
    fails before it was billed. `fail:bank` and `wait:bank` do so at
    the provider of that name only."""

    name = "bank"
    asked = None
    gates = None

    async def generate(self, request):
        said = request.body.messages[-1].parts[0].text.split()
        bills = [int(word) for word in said if word.isdigit()] or [3, 5]
        if Bank.asked is not None:
            Bank.asked.append(said)
        if Bank.gates is not None:
            await Bank.gates[said[-1]].wait()
        if "wait" in said or f"wait:{self.name}" in said:
            await asyncio.sleep(3600)
        if "down" in said:
            raise ProviderError("The bank is closed.", kind="overloaded", status=503)
        if "fail" in said or f"fail:{self.name}" in said:
            yield Usage(input=bills[0], output=bills[1])
            raise ProviderError("The bank is closed.", kind="overloaded", status=503)
        for _ in range(3):
            yield "word "
        if "hang" in said:
            await asyncio.sleep(3600)
        yield Usage(input=bills[0], output=bills[1])


class House:
    """A started gateway, and calls to it."""

    def __init__(self, made, clock):
        self.gateway, self.clock = made, clock

    def body(self, text="3 5", model="demo", **more):
        """A chat that asks for at most 10 output tokens, unless it says otherwise."""
        return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 10} | more

    async def chat(self, text="3 5", who="ci", path=CHAT, **more):
        """The answer to a chat of somebody."""
        return await Client(self.gateway, {"x-who": who}).post(path, self.body(text, **more))

    async def budgets(self, who="boss", path="/admin/v1/budgets"):
        """What the endpoint says."""
        answer = await Client(self.gateway, {"x-who": who}).get(path)
        assert answer.status == 200, answer.body
        return answer.json()["budgets"]

    async def used(self, who="boss"):
        """How much of each budget is used, by name and period."""
        return {(one["name"], one["period"]): one["used"] for one in await self.budgets(who)}

    async def spent(self):
        """The sum of the ledger."""
        return sum(line.cost for line in await self.gateway.store.sums([], 0, 4e9))

    def events(self, *kinds):
        """The events of some kinds, oldest first."""
        return [event for _, event in self.gateway.feed.recent() if isinstance(event, kinds)]


@asynccontextmanager
async def house(more="", *plugins, first=(), clock=None, store=None, top=CONFIG):
    """A gateway whose calendar is the clock's."""
    clock = clock or Clock()
    parts = (*first, Bank, Tariff(), Who(), Budget, *plugins)
    async with gateway(top.format(more=more), *parts, clock=clock, store=store or MemoryStore(clock.time)) as made:
        yield House(made, clock)


def tell(story, more="", *plugins, **where):
    """What `story(house)` returns."""

    async def whole():
        async with house(more, *plugins, **where) as made:
            return await story(made)

    return run(whole())


async def soon(true):
    """Wait until `true()` is."""
    while not true():
        await asyncio.sleep(0.005)


def message(answer):
    """The message of an OpenAI or Anthropic error."""
    return answer.json()["error"]["message"]
