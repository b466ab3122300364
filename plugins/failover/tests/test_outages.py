"""What upstreams get while they fail, and how soon they serve again."""

import asyncio
from itertools import pairwise

import pytest
from outage import config, fails, slow, well
from tollhouse import hookimpl
from tollhouse.config import parse
from tollhouse.events import TargetDown
from tollhouse.testing import Client


@pytest.mark.parametrize(("count", "every"), [(1000, 0.0), (300, 0.2)])
@pytest.mark.parametrize("model", ["one", "two", "same"])
def test_an_upstream_that_always_fails_gets_at_most_a_fifth_more_than_its_callers_send(tell, model, count, every):
    async def story(house):
        statuses = await house.many(count, model, every=every)
        return statuses, house.world.order

    statuses, order = tell(config(), {"a": fails(503), "b": fails(503)}, story)
    assert set(statuses) == {503}
    for provider in {name[0] for name in order}:
        assert sum(name[0] == provider for name in order) <= 1.2 * count


def test_without_breakers_the_budget_alone_bounds_retries(tell):
    text = config('[failover]\nbreaker = "off"\nretry_reserve = 0\n')

    async def story(house):
        await house.many(300, "one", every=0.01)
        return house.world.count("a/x"), house.notes()

    asked, notes = tell(text, {"a": fails(503)}, story)
    assert 300 < asked <= 360
    assert "the retry budget of a is spent" in notes


def test_a_reserve_lets_a_quiet_gateway_retry(tell):
    async def story(house):
        statuses = [(await house.chat("one")).status]
        await asyncio.sleep(100)
        return [*statuses, (await house.chat("one")).status]

    assert tell(config(), {"a": [fails(503), well, fails(503), well]}, story) == [200, 200]


def test_a_failing_target_is_left_alone_while_another_serves_and_tried_by_one_request_a_cooldown(tell):
    async def story(house):
        statuses = await house.many(1000, "two", every=0.03)
        times = [at for at, name in house.world.asked if name == "a/x"]
        return statuses, times, house.changes()

    statuses, times, changes = tell(config(), {"a": fails(503)}, story)
    assert set(statuses) == {200}
    assert len(times) <= 5 + 6  # 30 s
    assert all(later - earlier >= 5 for earlier, later in pairwise(times[4:]))
    assert changes == [("down", "a/x")]


def test_full_service_is_back_within_ten_seconds_of_health(tell):
    async def story(house):
        await house.many(200, "two", every=0.1)
        house.world.does["a"] = well
        healthy = house.world.asked[-1][0]
        await house.many(200, "two", every=0.1)
        at_b = [at for at, name in house.world.asked if name == "b/x"]
        return at_b[-1] - healthy, house.world.order[-50:], house.changes()

    late, last, changes = tell(config(), {"a": fails(503)}, story)
    assert late <= 10
    assert set(last) == {"a/x"}
    assert changes == [("down", "a/x"), ("up", "a/x")]


@pytest.mark.parametrize("crowd", [2, 50, 300])
def test_no_herd_comes_when_a_target_may_be_tried_again(tell, crowd):
    async def story(house):
        await house.many(5, "two", every=0.01)
        await asyncio.sleep(6)
        house.world.asked.clear()
        house.world.does["a"] = slow(1.0)
        statuses = await house.many(crowd, "two")
        return set(statuses), house.world.count("a/x"), house.world.count("b/x")

    assert tell(config(), {"a": fails(503)}, story) == ({200}, 1, crowd - 1)


def test_a_probe_that_streams_for_minutes_brings_its_target_back_with_its_first_word(tell):
    async def story(house):
        await house.many(5, "two", every=0.01)
        await asyncio.sleep(6)
        house.world.does["a"] = well
        house.world.asked.clear()

        async def long(self, request):
            yield "first"
            await asyncio.sleep(50)
            yield "last"

        house.world.plugin.generate = long
        running = asyncio.gather(*(house.chat("two", stream=True) for _ in range(3)))
        await asyncio.sleep(1)
        late = asyncio.ensure_future(house.chat("two", stream=True))
        await asyncio.sleep(1)
        order, changes = house.world.order[:], house.changes()[:]
        await running
        await late
        return order, changes

    order, changes = tell(config(), {"a": fails(503)}, story)
    assert (sorted(order[:3]), order[3]) == (["a/x", "b/x", "b/x"], "a/x")
    assert changes == [("down", "a/x"), ("up", "a/x")]


def test_when_all_rest_one_is_asked_all_the_same(tell):
    async def story(house):
        await house.many(10, "two", every=0.01)
        house.world.asked.clear()
        broken = await house.chat("two")
        house.world.does["a"] = well
        return broken.status, len(house.world.asked), (await house.chat("two")).status, house.changes()

    status, asked, after, changes = tell(config(), {"a": fails(503), "b": fails(500)}, story)
    assert (status, after) == (500, 200)
    assert asked <= 2
    assert changes[-1] == ("up", "a/x")


def test_when_all_rest_and_that_is_wanted_the_caller_is_refused_with_the_time_and_one_request_tries(tell):
    text = config('[failover]\nbreaker.when_all_open = "refuse"')

    async def story(house):
        await house.many(10, "one", every=0.01)
        house.world.asked.clear()
        refused = await house.chat("one")
        await asyncio.sleep(1)
        waits = int(refused.headers["retry-after"])
        await house.many(200, "one", every=0.1)
        return refused.status, refused.json()["error"]["code"], waits, house.world.asked

    status, code, waits, asked = tell(text, {"a": fails(503)}, story)
    assert (status, code) == (503, "targets_down")
    assert 1 <= waits <= 6
    assert len(asked) <= 20 / 5, "at most one probe a second; here one a cooldown"


@pytest.mark.parametrize(
    ("error", "rest"),
    [
        (fails(401), 300),
        (fails(402), 300),
        (fails(403), 300),
        (fails(404, code="model_not_found"), 300),
        (fails(408), 5),
        (fails(500), 5),
        (fails(0, "connect"), 5),
        (fails(0, "cut"), 5),
        (fails(429), 5),
        (fails(429, retry_after=40.0), 40),
        (fails(429, retry_after=86400.0), 600),
    ],
)
def test_the_rest_depends_on_the_failure(tell, error, rest):
    async def story(house):
        await house.many(5, "two", every=0.001)
        [down] = house.events(TargetDown)
        return down.target, down.until - down.at

    target, seconds = tell(config(), {"a": error}, story)
    assert target == "a/x"
    assert rest <= seconds <= rest * 1.1


@pytest.mark.parametrize(
    "error", [fails(400), fails(404, message="no such file"), fails(409), fails(413), fails(422), fails(0, "refused")]
)
def test_what_the_caller_did_is_never_blamed_on_the_target(tell, error):
    async def story(house):
        await house.many(50, "two", every=0.001)
        return house.changes()

    assert tell(config(), {"a": error}, story) == []


def test_a_credential_that_a_plugin_brought_is_not_blamed_on_the_target(tell):
    class Brings:
        name = "brings"

        @hookimpl
        async def dispatch(self, attempt):
            attempt.headers["Authorization"] = "Bearer sk-fake-theirs"

    async def story(house):
        await house.many(20, "two", every=0.001)
        return house.changes(), house.world.count("a/x")

    assert tell(config(), {"a": fails(401)}, story, plugins=(Brings(),)) == ([], 20)


def test_callers_who_leave_open_nothing(tell):
    async def story(house):
        body = {"model": "two", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        for _ in range(10):
            asking = asyncio.ensure_future(Client(house.gateway).post("/v1/chat/completions", body))
            await asyncio.sleep(1)
            asking.cancel()
            await asyncio.wait([asking])
        return house.changes()

    assert tell(config(), {"a": slow(60)}, story) == []


def test_what_is_known_outlives_a_reload_but_for_what_a_new_file_may_have_mended(tell):
    text = config('[failover.breaker]\ncooldown = "1h"\nlong_cooldown = "1h"')

    async def story(house):
        await house.many(5, "two", every=0.001)
        states = []
        for _ in range(2):
            [row] = (await house.ask("/admin/v1/breakers")).json()["breakers"][:1]
            states.append((row["target"], row["state"], row["until"] - house.gateway.clock.time() > 0))
            path = house.gateway.edition.loaded.path
            await house.gateway.reload(parse(text + '[store]\nurl = "memory:"', {}, path=path))
        return states

    assert tell(text, {"a": fails(503)}, story) == [("a/x", "open", True)] * 2
    assert tell(text, {"a": fails(401)}, story) == [("a/x", "open", True), ("a/x", "half-open", False)]


def test_only_so_many_targets_are_remembered(tell):
    text = config(top="undeclared_models = true")

    async def story(house):
        for n in range(1100):
            await house.chat(f"a/m{n}")
        return len((await house.ask("/admin/v1/breakers")).json()["breakers"])

    assert tell(text, {"a": well}, story) == 1000
