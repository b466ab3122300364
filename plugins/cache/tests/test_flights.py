"""Identical calls at once are one call upstream, whoever leads it, however it ends, and in whatever dialect."""

import asyncio

import pytest
from caching import Oracle, house, soon, tell, verdict, words
from tollhouse import Demand, Rejected, hookimpl
from tollhouse.testing import run


async def waiting(house, count):
    """Until so many exchanges are under way and have nowhere to go."""
    await soon(lambda: len(house.gateway.in_flight) == count)
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_hundred_at_once_are_one_call_and_a_hundred_requests(stream):
    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi wait", stream=stream)) for _ in range(100)]
        await waiting(house, 100)
        Oracle.gate.set()
        answers = await asyncio.gather(*calls)
        assert {one.status for one in answers} == {200}
        assert {words(one) for one in answers} == {"the answer to hi wait"}
        assert len(Oracle.asked) == 1
        verdicts = [verdict(one) for one in answers]
        assert (verdicts.count("miss"), verdicts.count("coalesced")) == (1, 99)
        assert len({one.json()["id"] for one in answers}) == 100 if not stream else True
        requests, money = await house.counter.used(house.gateway)
        assert (requests, money) == (100, 53_000)
        ended = house.ended
        assert sorted(one.outcome for one in ended) == ["answered"] * 99 + ["completed"]
        assert sum(one.cost for one in ended) == 53_000
        assert sum(one.saved for one in ended) == 99 * 53_000

    tell(story)


def test_followers_speak_another_dialect_and_need_not_stream():
    async def story(house):
        leader = asyncio.ensure_future(house.chat("hi wait", stream=True, max_tokens=9))
        await waiting(house, 1)
        others = [
            asyncio.ensure_future(call)
            for call in (
                house.message("hi wait"),
                house.message("hi wait", stream=True),
                house.chat("hi wait", max_tokens=9),
            )
        ]
        await waiting(house, 4)
        Oracle.gate.set()
        answers = await asyncio.gather(leader, *others)
        assert {words(one) for one in answers} == {"the answer to hi wait"}
        assert [verdict(one) for one in answers] == ["miss", "coalesced", "coalesced", "coalesced"]
        assert len(Oracle.asked) == 1

    tell(story)


def test_a_follower_reads_a_stream_as_it_comes_from_its_beginning():
    async def story(house):
        body = {"model": "m", "messages": [{"role": "user", "content": "hi hang"}], "stream": True}
        client = house.client()
        async with client.stream("/v1/chat/completions", body) as leader:
            heard = leader.chunks()
            await anext(heard)
            await anext(heard)
            async with client.stream("/v1/chat/completions", body) as late:
                chunks = late.chunks()
                begun = b""
                while b"answer" not in begun:
                    begun += await anext(chunks)
                assert b"the " in begun
                Oracle.gate.set()
                rest = b"".join([chunk async for chunk in chunks])
                assert b"to hi hang" in rest
                assert b"[DONE]" in rest
            assert b"[DONE]" in b"".join([chunk async for chunk in heard])
        assert len(Oracle.asked) == 1

    tell(story)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("follower_streams", [False, True])
def test_a_leader_whose_client_leaves_changes_nothing(stream, follower_streams):
    async def story(house):
        text = "hi hang" if stream else "hi wait"
        body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
        leading = asyncio.Event()

        async def lead():
            async with house.client().stream("/v1/chat/completions", body) as leader:
                if stream:
                    await anext(leader.chunks())
                leading.set()
                await asyncio.sleep(3600)

        leader = asyncio.ensure_future(lead())
        await waiting(house, 1)
        if stream:
            await leading.wait()
        follower = asyncio.ensure_future(house.chat(text, stream=follower_streams))
        await waiting(house, 2)
        leader.cancel()
        await soon(lambda: any(one.left for one in house.gateway.in_flight) or leader.done())
        await asyncio.sleep(0.05)
        Oracle.gate.set()
        answer = await follower
        await asyncio.wait([leader])
        assert words(answer) == f"the answer to {text}"
        assert verdict(answer) == "coalesced"
        assert verdict(await house.chat(text)) == "hit"
        assert len(Oracle.asked) == 1

    tell(story)


def test_a_leader_who_leaves_alone_ends_the_call():
    async def story(house):
        leader = asyncio.ensure_future(house.chat("hi wait"))
        follower = asyncio.ensure_future(house.chat("hi wait"))
        await waiting(house, 2)
        follower.cancel()
        leader.cancel()
        await asyncio.wait([leader, follower])
        await soon(lambda: not house.gateway.in_flight)
        assert {one.outcome for one in house.ended} == {"disconnected"}
        assert not house.gateway.keep("cache", dict).flights
        Oracle.gate.set()
        assert verdict(await house.chat("hi wait")) == "miss"

    tell(story)


def test_when_a_leader_fails_before_content_one_of_the_others_leads():
    class Fails:
        """The first call fails before its answer."""

        name = "fails"
        failed = 0

        @hookimpl
        async def dispatch(self, exchange, attempt):
            if not self.failed:
                self.failed += 1
                await Oracle.gate.wait()
                raise Rejected("not this one", code="unlucky")

    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi")) for _ in range(20)]
        await waiting(house, 20)
        Oracle.gate.set()
        answers = await asyncio.gather(*calls)
        assert sorted(one.status for one in answers) == [200] * 19 + [400]
        assert len(Oracle.asked) == 1
        assert sorted(verdict(one) for one in answers) == ["coalesced"] * 18 + ["miss"] * 2

    tell(story, "", Fails())


def test_followers_of_an_upstream_that_is_down_stop_waiting_for_each_other():
    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi wait down")) for _ in range(10)]
        await waiting(house, 10)
        Oracle.gate.set()
        answers = await asyncio.gather(*calls)
        assert {one.status for one in answers} == {503}
        assert len(Oracle.asked) == 10

    tell(story)


def test_after_content_followers_see_the_same_failure():
    async def story(house):
        leader = asyncio.ensure_future(house.chat("hi hang break", stream=True))
        await waiting(house, 1)
        follower = asyncio.ensure_future(house.chat("hi hang break", stream=True))
        whole = asyncio.ensure_future(house.chat("hi hang break"))
        await waiting(house, 3)
        Oracle.gate.set()
        answers = await asyncio.gather(leader, follower, whole)
        for one in answers[:2]:
            assert one.status == 200
            assert b"The oracle broke." in one.body
            assert b"[DONE]" not in one.body
        assert (answers[2].status, answers[2].json()["error"]["code"]) == (500, "broken")
        assert len(Oracle.asked) == 1
        assert {one.outcome for one in house.ended} == {"failed"}
        assert verdict(await house.chat("hi hang break")) == "miss"

    tell(story)


def test_a_reply_that_is_not_kept_is_still_shared():
    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi wait long", stream=stream)) for stream in (False, False, True)]
        await waiting(house, 3)
        Oracle.gate.set()
        answers = await asyncio.gather(*calls)
        assert len({words(one) for one in answers}) == 1
        assert len(words(answers[0])) > 900_000
        assert len(Oracle.asked) == 1
        assert verdict(await house.chat("hi wait long")) == "miss"

    tell(story, "[cache]\nmax_entry = '64 KiB'\nmemory = '1 MiB'")


def test_followers_keep_up_with_a_stream_larger_than_the_log():
    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi wait long", stream=True)) for _ in range(5)]
        await waiting(house, 5)
        Oracle.gate.set()
        answers = await asyncio.gather(*calls)
        assert len({words(one) for one in answers}) == 1
        assert len(Oracle.asked) == 1

    tell(story, "[cache]\nmax_entry = '64 KiB'\nmemory = '1 MiB'")


def test_one_who_reads_too_slowly_is_left_behind_and_told():
    async def story(house):
        body = {"model": "m", "messages": [{"role": "user", "content": "hi hang long"}], "stream": True}
        leader = asyncio.ensure_future(house.chat("hi hang long", stream=True))
        await soon(lambda: Oracle.asked)
        async with house.client().stream("/v1/chat/completions", body, room=1) as slow:
            chunks = slow.chunks()
            await anext(chunks)
            Oracle.gate.set()
            assert b"[DONE]" in (await leader).body
            rest = b"".join([chunk async for chunk in chunks])
        assert b"too slowly" in rest
        assert b"[DONE]" not in rest

    tell(story, "[cache]\nmax_entry = '16 KiB'\nmemory = '1 MiB'")


def test_coalescing_can_be_switched_off():
    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi wait")) for _ in range(5)]
        await soon(lambda: len(Oracle.asked) == 5)
        Oracle.gate.set()
        return {verdict(one) for one in await asyncio.gather(*calls)}

    assert tell(story, "[cache]\ncoalesce = false") == {"miss"}


def test_a_follower_waits_no_longer_than_its_own_deadline():
    async def story(house):
        leader = asyncio.ensure_future(house.chat("hi hang"))
        await soon(lambda: Oracle.asked)
        for one in house.gateway.in_flight:
            one.deadline += 3600
        follower = await house.chat("hi hang")
        Oracle.gate.set()
        assert (follower.status, follower.json()["error"]["code"]) == (504, "upstream_timeout")
        await leader

    tell(story, "[timeouts]\ntotal = '1s'")


def test_a_caller_refused_by_its_limits_frees_those_who_wait_for_it():
    class OneEach:
        """Each key may ask once."""

        name = "one_each"

        @hookimpl
        def demand(self, exchange, target):
            key = f"one_each:{exchange.principal.key}"
            return [Demand(key=key, kind="window", measure="requests", amount=1, limit=1, until=4e9)]

    async def story(house):
        assert (await house.chat("other", who="a/t")).status == 200
        refused, answered = await asyncio.gather(house.chat("hi", who="a/t"), house.chat("hi", who="b/t"))
        assert (refused.status, answered.status) == (429, 200)
        assert len(Oracle.asked) == 2

    tell(story, "", OneEach())


def test_budgets_are_charged_once_and_requests_counted_a_hundred_times():
    pytest.importorskip("tollhouse_budget")
    pytest.importorskip("tollhouse_rate_limit")

    async def story(house):
        calls = [asyncio.ensure_future(house.chat("hi wait", stream=n % 2 == 0)) for n in range(100)]
        await waiting(house, 100)
        Oracle.gate.set()
        assert {one.status for one in await asyncio.gather(*calls)} == {200}
        [budget] = (await house.client("viewer").get("/admin/v1/budgets")).json()["budgets"]
        [limit] = (await house.client("viewer").get("/admin/v1/limits")).json()["limits"]
        assert (budget["used"], limit["used"]) == (53_000, 100)
        refused = await house.chat("hi wait")
        assert (refused.status, len(Oracle.asked)) == (429, 1)

    tell(story, "[defaults]\nrate_limit = '100 requests/hour'\nbudget = '1 USD/day'", listed=("rate_limit", "budget"))


def test_nothing_is_left_of_a_flight():
    async def story(house):
        await asyncio.gather(*(house.chat(f"{n % 3}", stream=n % 2 == 0) for n in range(30)))
        shelf = house.gateway.keep("cache", dict)
        assert not shelf.flights
        assert shelf.now().coalesced + shelf.now().misses == 30
        assert shelf.now().misses == 3

    tell(story)


def test_two_gateways_in_one_process_share_nothing():
    async def whole():
        async with house() as one:
            await one.chat()
            async with house() as two:
                return verdict(await two.chat())

    assert run(whole()) == "miss"
