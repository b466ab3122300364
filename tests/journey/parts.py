"""Small plugins and bodies that the journey's tests are made of."""

import asyncio

import msgspec
from tollhouse import Demand, Next, Race, SimpleProvider, Usage, hookimpl
from tollhouse.testing import sse

CHAT = "/v1/chat/completions"


def asks(model="m/x", stream=False, **more):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream, **more}


def chunk(delta=None, finish=None, usage=None, **more):
    choices = [] if delta is None and finish is None else [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": choices}
    return base | ({"usage": usage} if usage else {}) | more


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
WORDS = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"})]
STREAM = sse(*WORDS, chunk(finish="stop"), chunk(usage=USAGE))
BODY = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "x",
    "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}


def config(*urls, more="", providers=None):
    """An OpenAI provider a URL, named a, b, c …, behind one model `m` that tries them in order."""
    names = "abcdefg"[: len(urls)]
    tables = "\n".join(
        f'[providers.{name}]\nkind = "openai"\nbase_url = "{url}/v1"\napi_key = "sk-fake-{name}"'
        for name, url in zip(names, urls, strict=True)
    )
    targets = ", ".join(f'"{name}/x"' for name in names)
    return f'plugins = ["openai"]\n{more}\n{tables}\n[models]\nm = [{targets}]\n'


def words(body):
    """The text of a streamed or whole OpenAI answer."""
    if body.startswith((b"data:", b":")):
        texts = []
        for line in body.split(b"\n"):
            if line.startswith(b"data: {"):
                said = msgspec.json.decode(line[6:])
                texts += [c["delta"].get("content") or "" for c in said.get("choices", ())]
        return "".join(texts)
    return msgspec.json.decode(body)["choices"][0]["message"]["content"]


class Observes:
    """Remembers every attempt and every settle."""

    name = "observes"

    def __init__(self):
        self.attempts, self.settled = [], []

    @hookimpl
    def observe(self, attempt):
        self.attempts.append((attempt.target.name, attempt.state, getattr(attempt.error, "kind", "")))

    @hookimpl
    async def settle(self, exchange):
        self.settled.append((exchange.outcome, exchange.status))


class GoesOn:
    """Failover in five lines: the next target of the plan that was not tried."""

    name = "goes_on"

    @hookimpl
    async def recover(self, exchange, attempt):
        tried = {a.target for a in exchange.attempts}
        left = [t for t in exchange.plan.targets if t not in tried]
        return Next(left[0]) if left else None


class Hedges:
    """Hedging: the second target of the plan may race after a silence."""

    name = "hedges"

    def __init__(self, after):
        self.after = after

    @hookimpl
    def race(self, exchange, attempt):
        return Race(self.after, exchange.plan.targets[1])


class Demands:
    """One counter of each kind."""

    name = "demands"

    def __init__(self, limit=10, amount=1, kind="window", measure="requests", wait=None, if_lost="refuse"):
        self.limit, self.amount, self.kind, self.measure, self.if_lost = limit, amount, kind, measure, if_lost
        self.asked = []

    def make(self):
        return Demand(
            key=f"demands:{self.measure}",
            kind=self.kind,
            measure=self.measure,
            amount=self.amount,
            limit=self.limit,
            period=3600.0,
            until=4e9 if self.kind == "window" else 0.0,
            if_lost=self.if_lost,
        )

    @hookimpl
    def demand(self, exchange, target):
        self.asked.append(target.name if target else None)
        return [self.make()]

    async def used(self, gateway):
        [level] = await gateway.store.levels([self.make()])
        return level.used


class Slow(SimpleProvider):
    """A provider of level one that waits where a test wants it to."""

    name = "slow"
    closed = 0

    async def generate(self, request):
        try:
            yield "one "
            await asyncio.sleep(3600)
            yield "two"
        finally:
            Slow.closed += 1


class Says(SimpleProvider):
    """A provider of level one."""

    name = "says"

    async def generate(self, request):
        for word in ("Hello", " ", "there"):
            yield word
        yield Usage(input=7, output=3)
