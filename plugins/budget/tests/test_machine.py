"""Calls that begin, end, fail, are left and outlive their hours in any order, against an exact model of the money.

The model knows of each call what it holds and what it cost, and nothing of the gateway but its arithmetic. After every
step the counters, the ledger and the answers are what it says, to the nano-dollar.
"""

import asyncio
import itertools
from contextlib import AsyncExitStack
from dataclasses import dataclass

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from till import CHAT, IN, OUT, Bank, Clock, GoesOn, house, soon
from tollhouse import Exchange
from tollhouse.testing import Client

WHOLE, HOURLY = 2_000_000, 1_200_000
MORE = '[defaults]\nbudget = "0.0012 USD/hour"\n[budget]\ntotal = "0.002 USD total"\n'


@dataclass
class Call:
    """A call under way: what its caller asked for and what the model thinks of it. Each of its attempts is billed
    `once`; the first one of a call that `fails` fails, and the second too unless it `recovers`."""

    who: str
    door: asyncio.Event
    asking: asyncio.Task
    held: int
    input: int
    hour: int
    once: int
    fails: bool
    recovers: bool


class Money(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.runner = asyncio.Runner()
        self.numbers = itertools.count()
        self.calls: dict[str, Call] = {}
        self.spent = 0
        self.hours: dict[tuple[str, int], int] = {}
        Bank.gates, Bank.asked = {}, []
        self.clock = Clock()
        self.stack = AsyncExitStack()
        self.house = self.runner.run(self.stack.enter_async_context(house(MORE, GoesOn(), clock=self.clock)))

    def hour(self):
        return int(self.clock.now // 3600)

    def used(self, who):
        """What the model says is used: of the whole, and of the caller's hour."""
        now = self.hour()
        whole = self.spent + sum(call.held for call in self.calls.values())
        hourly = self.hours.get((who, now), 0)
        hourly += sum(call.held for call in self.calls.values() if (call.who, call.hour) == (who, now))
        return whole, hourly

    @rule(
        who=st.sampled_from(["ann", "bob"]),
        tokens=st.tuples(st.integers(0, 40), st.integers(0, 40)),
        most=st.integers(1, 60),
        how=st.sampled_from(["", "", "down", "fail", "fail:bank"]),
        stream=st.booleans(),
    )
    def begin(self, who, tokens, most, how, stream):
        name = f"c{next(self.numbers)}"
        body = self.house.body(f"{tokens[0]} {tokens[1]} {how} {name}", model="demo", max_tokens=most, stream=stream)
        self.runner.run(self._begin(who, tokens, most, how, name, body))

    async def _begin(self, who, tokens, most, how, name, body):
        door = Bank.gates[name] = asyncio.Event()
        seen = len(Bank.asked)
        estimate = Estimate(self.house).of(body)
        asking = asyncio.ensure_future(Client(self.house.gateway, {"x-who": who}).post(CHAT, body))
        await soon(lambda: len(Bank.asked) > seen or asking.done())
        held = estimate * IN + most * OUT
        whole, hourly = self.used(who)
        fits = whole + held <= WHOLE and hourly + held <= HOURLY
        assert fits != asking.done(), "held what did not fit, or refused what did"
        if asking.done():
            assert asking.result().status == 429
            return
        once = 0 if how == "down" else tokens[0] * IN + tokens[1] * OUT
        self.calls[name] = Call(
            who, door, asking, held, estimate * IN, self.hour(), once, bool(how), how == "fail:bank"
        )

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def end(self, data):
        name = data.draw(st.sampled_from(sorted(self.calls)))
        call = self.calls.pop(name)
        cost, status = call.once, 200
        if call.fails:
            cost, status = self._second_attempt(call)

        async def ends():
            call.door.set()
            return await call.asking

        assert self.runner.run(ends()).status == status
        self.book(call, cost)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def leave(self, data):
        """The caller hangs up before the first word: the input was read all the same."""
        call = self.calls.pop(data.draw(st.sampled_from(sorted(self.calls))))

        async def leaves():
            call.asking.cancel()
            await asyncio.wait([call.asking])
            await soon(lambda: len(self.house.gateway.in_flight) == len(self.calls))

        self.runner.run(leaves())
        self.book(call, call.input)

    def book(self, call, cost):
        self.spent += cost
        where, same = (call.who, call.hour), call.hour == self.hour()
        self.hours[where] = self.hours.get(where, 0) + (cost if same else call.held)

    def _second_attempt(self, call):
        """What a call costs, and how it ends, whose hold must grow by what its first attempt cost."""
        whole, hourly = self.used(call.who)
        wanted, moved = call.once + call.held, call.hour != self.hour()
        grows = wanted > call.held
        if (grows and whole + wanted > WHOLE) or ((grows or moved) and hourly + wanted > HOURLY):
            return call.once, 429
        call.hour, call.held = self.hour(), wanted
        return 2 * call.once, 200 if call.recovers else 503

    @rule(minutes=st.integers(1, 70))
    def time_passes(self, minutes):
        self.clock.now += minutes * 60

    @invariant()
    def the_counters_are_the_models(self):
        if not hasattr(self, "house"):
            return
        assert self.runner.run(self.house.used())["the gateway", "total"] == self.used("")[0]
        for who in ("ann", "bob"):
            [own] = self.runner.run(self.house.budgets(who, "/admin/v1/budgets/self"))
            assert own["used"] == self.used(who)[1]
        assert self.runner.run(self.house.spent()) == self.spent

    def teardown(self):
        if not hasattr(self, "house"):
            return

        async def close():
            for call in self.calls.values():
                call.door.set()
            await asyncio.gather(*(call.asking for call in self.calls.values()))
            await self.stack.aclose()

        self.runner.run(close())
        self.runner.close()
        Bank.gates = Bank.asked = None


class Estimate:
    """What the gateway estimates a body at, now: what it learns of a model moves it."""

    def __init__(self, house):
        self.gateway = house.gateway

    def of(self, body):
        dialect = self.gateway.edition.dialects["openai"]
        route = next(route for route in dialect.routes if route.task == "chat")
        one = Exchange(self.gateway, self.gateway.edition, dialect=dialect, route=route, headers={})
        one.request = dialect.request(msgspec.json.encode(body), route)
        one.model = one.request.model
        return one.tokens.input


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
