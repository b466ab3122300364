"""What the cache keeps, and what is done to a hit, follows from its place among the plugins."""

from caching import Oracle, house, verdict, words
from tollhouse import Rejected, hookimpl
from tollhouse.testing import run
from tollhouse_cache import Cache


class Masks:
    """Moderation in small: some callers may not read what an answer says, and a policy has a name."""

    name = "masks"

    def __init__(self):
        self.seen = 0

    @hookimpl
    async def admit(self, exchange):
        if exchange.principal.user == "child":
            exchange.vary["masks"] = "strict"

    @hookimpl
    async def relay(self, exchange, events):
        self.seen += 1
        strict = "masks" in exchange.vary
        async for event in events:
            yield event.edited(lambda delta: delta.text.replace("answer", "******")) if strict else event


def told(*plugins, unvaried=False):
    """What a child and then a grown-up read, each twice; and how often the upstream and the mask were at work."""
    masks = next(plugin for plugin in plugins if isinstance(plugin, Masks))

    async def whole():
        async with house(cache=plugins) as made:
            said = [
                await made.chat(who=who, stream=stream)
                for who in ("a/t/child", "b/t/adult")
                for stream in (False, True)
            ]
            return [words(one) for one in said], [verdict(one) for one in said], len(Oracle.asked), masks.seen

    return run(whole())


MASKED, PLAIN = "the ****** to hi", "the answer to hi"


def test_above_moderation_it_keeps_what_moderation_let_through_to_this_policy_only():
    read, verdicts, asked, seen = told(Cache, Masks())
    assert read == [MASKED, MASKED, PLAIN, PLAIN]
    assert verdicts == ["miss", "hit", "miss", "hit"]
    assert (asked, seen) == (2, 2)


def test_below_moderation_it_keeps_the_plain_answer_and_every_hit_is_masked_anew():
    class Unvaried(Masks):
        """It masks every hit anew, so that nothing need vary."""

        @hookimpl
        async def admit(self, exchange):
            exchange.state["masks"] = exchange.principal.user == "child"

        @hookimpl
        async def relay(self, exchange, events):
            self.seen += 1
            async for event in events:
                strict = exchange.state["masks"]
                yield event.edited(lambda delta: delta.text.replace("answer", "******")) if strict else event

    read, verdicts, asked, seen = told(Unvaried(), Cache)
    assert read == [MASKED, MASKED, PLAIN, PLAIN]
    assert verdicts == ["miss", "hit", "hit", "hit"]
    assert (asked, seen) == (1, 4)


def test_a_gate_holds_a_hit_back_as_it_does_an_upstreams_answer():
    class Judges:
        name = "judges"

        @hookimpl
        async def admit(self, exchange):
            async def judge():
                if exchange.principal.key == "bad":
                    raise Rejected("no", code="moderated")

            exchange.gate(judge())

    async def whole():
        async with house("", Judges()) as made:
            assert verdict(await made.chat(who="good/t")) == "miss"
            answers = [await made.chat(who="bad/t", stream=stream) for stream in (False, True)]
            assert [one.json()["error"]["code"] for one in answers] == ["moderated"] * 2
            assert verdict(await made.chat(who="good/t")) == "hit"

    run(whole())
