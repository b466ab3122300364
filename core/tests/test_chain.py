"""The frozen chain: order, kinds, policies, and what it refuses at start-up."""

import asyncio
from types import SimpleNamespace

import pytest
from tollhouse import ConfigError, PluginFailed, Rejected, hookimpl, hookspec
from tollhouse.chain import Chain
from tollhouse.testing import run


class Named:
    def __init__(self, name, answer=None, error=None, pause=0.0):
        self.name, self.says, self.error, self.pause = name, answer, error, pause
        self.seen = []

    async def _do(self, *seen):
        self.seen.append(seen)
        if self.pause:
            await asyncio.sleep(self.pause)
        if self.error:
            raise self.error
        return self.says


class Authenticates(Named):
    @hookimpl
    async def authenticate(self, exchange):
        return await self._do(exchange)


class Settles(Named):
    @hookimpl
    async def settle(self, exchange):
        exchange.append(self.name)


class Answers(Named):
    @hookimpl
    async def answer(self, exchange):
        return await self._do(exchange)


def chain(*plugins, **options):
    return Chain([(plugin.name, plugin) for plugin in plugins], **options)


def test_the_first_answer_in_listed_order_wins_and_later_plugins_are_not_asked():
    silent, speaks, late = Authenticates("a"), Authenticates("b", "B"), Authenticates("c", "C")
    assert run(chain(silent, speaks, late)["authenticate"].first("x")) == ("B", "b")
    assert silent.seen == [("x",)]
    assert late.seen == []


def test_settle_runs_in_reverse_order():
    seen = []
    run(chain(Settles("a"), Settles("b"), Settles("c"))["settle"].each(seen))
    assert seen == ["c", "b", "a"]


def test_an_implementation_may_leave_out_arguments():
    class Short:
        name = "short"

        @hookimpl
        async def dispatch(self, attempt):
            attempt.append("seen")

    attempt = []
    run(chain(Short())["dispatch"].each("exchange", attempt))
    assert attempt == ["seen"]


def test_a_failure_in_a_closed_hook_ends_the_exchange_and_names_the_plugin():
    broken = Authenticates("broken", error=KeyError("secret-in-message"))
    with pytest.raises(PluginFailed, match="plugin broken failed in authenticate: KeyError") as caught:
        run(chain(broken)["authenticate"].first("x"))
    assert "secret-in-message" not in str(caught.value)


def test_a_failure_in_an_open_hook_is_counted_and_skipped():
    failures = []
    frozen = chain(Answers("broken", error=ValueError()), Answers("fine", "hit"), on_failure=failures.append)
    assert run(frozen["answer"].first("x")) == ("hit", "fine")
    assert [(f.plugin, f.hook) for f in failures] == [("broken", "answer")]
    assert frozen["answer"].calls[0].failures == 1


def test_rejected_is_an_answer_and_not_a_failure():
    with pytest.raises(Rejected):
        run(chain(Answers("a", error=Rejected("no")))["answer"].first("x"))


def test_an_implementation_that_overruns_its_limit_is_a_failure():
    slow = Authenticates("slow", pause=60)
    with pytest.raises(PluginFailed, match=r"took longer than 0\.01 s"):
        run(chain(slow, limits={"authenticate": 0.01})["authenticate"].first("x"))


def test_only_the_owner_is_asked_to_word_a_refusal():
    class Owns(Named):
        @hookimpl
        async def refused(self, exchange, refusal):
            return await self._do(refusal)

    one, two = Owns("one", "first"), Owns("two", "second")
    assert run(chain(one, two)["refused"].ask("two", "x", "r")) == "second"
    assert one.seen == []
    assert run(chain(one, two)["refused"].ask("three", "x", "r")) is None


def test_relays_nest_with_the_first_listed_outermost_and_a_cache_hit_passes_only_those_above():
    class Marks(Named):
        @hookimpl
        async def relay(self, exchange, events):
            async for event in events:
                yield event + self.name

    async def source():
        yield "x"

    async def through(above):
        frozen = chain(Marks("a"), Marks("b"), Marks("c"))
        layers = frozen["relay"].wrap(None, source(), above)
        return [event async for event in layers[-1]]

    assert run(through("")) == ["xcba"]
    assert run(through("b")) == ["xa"]


def test_a_hook_nobody_defines_is_refused_with_a_suggestion():
    class Typo:
        name = "typo"

        @hookimpl
        async def autenticate(self, exchange): ...

    with pytest.raises(ConfigError, match=r'hook autenticate, which nobody defines; Did you mean "authenticate"\?'):
        chain(Typo())


def test_unknown_arguments_are_refused():
    class Odd:
        name = "odd"

        @hookimpl
        async def admit(self, exchange, nonsense): ...

    with pytest.raises(ConfigError, match="plugin odd does not fit the hooks"):
        chain(Odd())


@pytest.mark.parametrize("option", ["tryfirst", "trylast", "wrapper"])
def test_pluggys_ordering_options_are_refused(option):
    class Pushy:
        name = "pushy"

        if option == "wrapper":

            @hookimpl(wrapper=True)
            def admit(self, exchange):
                yield
        else:

            @hookimpl(**{option: True})
            async def admit(self, exchange): ...

    with pytest.raises(ConfigError, match=rf"marks admit with {option}"):
        chain(Pushy())


def test_a_plain_function_for_an_async_hook_is_refused_and_the_other_way_round():
    class Plain:
        name = "plain"

        @hookimpl
        def admit(self, exchange): ...

    class Async:
        name = "async"

        @hookimpl
        async def demand(self, exchange, target): ...

    class Coroutine:
        name = "coroutine"

        @hookimpl
        async def relay(self, exchange, events): ...

    with pytest.raises(ConfigError, match="admit must be an `async def`"):
        chain(Plain())
    with pytest.raises(ConfigError, match="demand must be a plain `def`"):
        chain(Async())
    with pytest.raises(ConfigError, match="relay must be an async generator"):
        chain(Coroutine())


def test_a_plugin_may_define_hooks_that_others_implement():
    @hookspec("each", limit=1.0)
    async def inspect(text): ...

    class Owner:
        name = "owner"
        hookspecs = SimpleNamespace(inspect=inspect, __name__="owner_hooks")

    class Other:
        name = "other"

        def __init__(self):
            self.seen = []

        @hookimpl
        async def inspect(self, text):
            self.seen.append(text)

    other = Other()
    run(chain(other, Owner())["inspect"].each("words"))
    assert other.seen == ["words"]


def test_a_limit_for_a_hook_that_does_not_exist_names_its_path():
    with pytest.raises(ConfigError, match=r"server\.hooks\.admitt"):
        chain(limits={"admitt": 1.0})
