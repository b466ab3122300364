"""When a message is tried again, and when it is given up: days pass on a clock of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receiving import SECRET, START, Clock
from tollhouse.config import validate
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Cut, Upstream, gateway, run
from tollhouse.testing.upstream import Script
from tollhouse_webhooks import Webhook, WebhookDisabled, WebhookFailed
from tollhouse_webhooks.catalogue import TestData as Trial
from tollhouse_webhooks.courier import retry_after
from tollhouse_webhooks.deliveries import KEPT, Trim, latest
from tollhouse_webhooks.lane import Lane
from tollhouse_webhooks.letter import write
from tollhouse_webhooks.outbox import bury, put_in, queue_of, raise_dead
from tollhouse_webhooks.schedule import JITTER, SCHEDULE, Outcome, after
from tollhouse_webhooks.standing import delivered, standing, switch_on

DAY = 86400.0


class House:
    """A lane of its own that nothing drives but the test, on a store that goes by the test's clock."""

    def __init__(self, gate, up, clock, events):
        self.gate, self.up, self.clock, self.events = gate, up, clock, events
        made = {"url": up.url, "secret": SECRET, "allow": ["127.0.0.1"], "timeout": "5s"}
        self.lane = Lane(gate, "ops", validate(Webhook, made, "webhooks.ops"), dice=lambda: 0.0)
        self.written = 0

    async def write(self):
        self.written += 1
        letter = write("webhook.test", self.clock.now, Trial(webhook="ops"), f"msg_{self.written}")
        await put_in(self.gate.store, f"mail:{letter.id}", ["ops"], letter)

    async def step(self, seconds):
        """Let time pass, and see how many messages were taken."""
        self.clock.advance(seconds)
        return await self.lane.turn()


def lived(story, *scripts):
    """Run a story with a receiver that answers so, the last one for ever."""

    async def live():
        clock = Clock()
        async with Upstream() as up:
            for script in scripts:
                up._scripts.append(script)
            async with gateway(clock=clock, store=MemoryStore(clock)) as gate:
                events = []
                gate.feed.listen(events.append)
                house = House(gate, up, clock, events)
                try:
                    return await story(house)
                finally:
                    await house.lane.carrier.close()

    return run(live())


def failures(house):
    told = [event for event in house.events if isinstance(event, WebhookFailed | WebhookDisabled)]
    return [(event.__struct_config__.tag, event.webhook) for event in told]


def test_ten_tries_over_three_days_then_a_dead_letter_a_notice_and_a_disabled_webhook():
    async def story(house):
        await house.write()
        taken = [await house.step(0)]
        for wait in SCHEDULE[1:]:
            taken.append(await house.step(wait - 1))
            taken.append(await house.step(1))
        rest = await house.step(30 * DAY)
        log = await latest(house.gate.store, "ops", 100)
        grave = await house.gate.store.take(f"{queue_of('ops')}:dead", 10, 1)
        return taken, rest, log, grave, failures(house), await standing(house.gate.store, "ops")

    taken, rest, log, grave, told, stands = lived(story, Script(500))
    assert taken == [1, *[0, 1] * 9]
    assert rest == 0
    assert [one.tries for _, one in log] == list(range(10, 0, -1))
    assert [one.state for _, one in log] == ["dead", *["again"] * 9]
    assert {one.letter.id for _, one in log} == {"msg_1"}
    assert len(grave) == 1
    assert told == [("webhook.failed", "ops"), ("webhook.disabled", "ops")]
    assert "nothing got through" in stands.off.why


def test_every_try_has_the_same_id_and_body_and_a_fresh_time():
    async def story(house):
        await house.write()
        for wait in SCHEDULE[:4]:
            await house.step(wait)
        return house.up.requests

    requests = lived(story, Script(500), Script(302), Script(404), Script(200))
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    times = [int(request.headers["webhook-timestamp"]) for request in requests]
    assert times == [START, START + 5, START + 305, START + 2105]
    assert len({request.headers["webhook-signature"] for request in requests}) == 4


def test_who_breaks_off_is_tried_again_and_the_log_says_so_once(caplog):
    def breaks(request):
        raise Cut

    async def story(house):
        await house.write()
        for wait in SCHEDULE[:3]:
            await house.step(wait)
        return [(one.state, one.status, one.why) for _, one in await latest(house.gate.store, "ops", 9)]

    last, second, first = lived(story, breaks, breaks, Script(204))
    assert first[:2] == second[:2] == ("again", 0)
    assert "broke off" in first[2]
    assert last == ("delivered", 204, "")
    assert caplog.text.count("does not get through") == 1
    assert caplog.text.count("gets through again") == 1


def test_a_message_that_was_taken_never_comes_again():
    async def story(house):
        await house.write()
        await house.step(0)
        for _ in range(20):
            await house.step(DAY)
        return len(house.up.requests)

    assert lived(story, Script(204)) == 1


def test_410_gives_the_message_up_and_disables_until_somebody_enables():
    async def story(house):
        await house.write()
        await house.write()
        await house.step(0)
        off = await standing(house.gate.store, "ops")
        await house.write()
        kept = await house.step(10)
        enabled = await switch_on(house.gate.store, "ops")
        again = await house.step(1)
        raised = await raise_dead(house.gate.store, "ops", "salt")
        back = await house.step(1)
        return off, kept, enabled, again, raised, back, failures(house)

    off, kept, enabled, again, raised, back, told = lived(story, Script(410), Script(410), Script(200))
    assert off.off.why == "it answered 410 Gone"
    assert (kept, enabled, again) == (0, True, 1)
    assert (raised, back) == (2, 2)
    assert told.count(("webhook.failed", "ops")) == 2
    assert told.count(("webhook.disabled", "ops")) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_who_asks_for_less_gets_nothing_before_the_time_they_name(status):
    async def story(house):
        await house.write()
        await house.step(0)
        await house.write()
        early = [await house.step(30), await house.step(89.5)]
        return early, await house.step(1), [one.next_at for _, one in await latest(house.gate.store, "ops", 9)][-1]

    early, after_it, next_at = lived(story, Script(status, {"retry-after": "120"}), Script(200))
    assert early == [0, 0]
    assert after_it == 1  # one at a time until one gets through
    assert next_at == START + 120


def test_a_retry_after_of_a_status_that_asks_for_nothing_changes_nothing():
    async def story(house):
        await house.write()
        await house.step(0)
        return await house.step(5)

    assert lived(story, Script(500, {"retry-after": "3600"}), Script(200)) == 1


def test_a_webhook_to_which_something_got_through_meanwhile_stays_enabled():
    async def story(house):
        await house.write()
        await house.step(0)
        for wait in SCHEDULE[1:]:
            await delivered(house.gate.store, "ops", house.clock.now)
            await house.step(wait)
        return failures(house), await standing(house.gate.store, "ops")

    told, stands = lived(story, Script(500))
    assert told == [("webhook.failed", "ops")]
    assert stands.off is None


def test_dead_letters_are_buried_after_thirty_days():
    async def story(house):
        store = house.gate.store
        await house.write()
        await house.step(0)
        await bury(store, "ops", house.clock.now - 30 * DAY)
        house.clock.advance(29 * DAY)
        await bury(store, "ops", house.clock.now - 30 * DAY)
        house.clock.advance(10)
        kept = len(await store.take("webhooks:ops:dead", 10, 1))
        house.clock.advance(2 * DAY)
        await bury(store, "ops", house.clock.now - 30 * DAY)
        house.clock.advance(10)
        return kept, await store.take("webhooks:ops:dead", 10, 1)

    assert lived(story, Script(410)) == (1, [])


def test_the_log_is_bounded_by_number_and_by_age():
    async def story(house):
        from tollhouse_webhooks.deliveries import Delivery, note

        store, trim = house.gate.store, Trim(house.gate.store, "ops")
        letter = write("webhook.test", START, Trial(webhook="ops"), "msg_1")

        async def fill(count):
            for _ in range(count):
                house.clock.advance(0.01)
                made = Delivery(
                    at=house.clock.now, tries=1, state="delivered", status=200, why="", seconds=0.0, letter=letter
                )
                await note(store, "ops", [made])

        await fill(KEPT + 700)
        await trim.look(house.clock.now)
        many = len(await latest(store, "ops", 10**6))
        await fill(10)
        await trim.look(house.clock.now)
        more = len(await latest(store, "ops", 10**6))
        house.clock.advance(31 * DAY)
        await trim.look(house.clock.now)
        return many, more, await latest(store, "ops", 10)

    many, more, old = lived(story, Script(200))
    assert abs(many - KEPT) <= 1
    assert abs(more - KEPT) <= 1
    assert old == []


@given(
    tries=st.integers(1, 30),
    status=st.sampled_from([0, 200, 204, 301, 400, 404, 410, 429, 500, 502, 503, 504]),
    retry=st.none() | st.floats(0, 1e9),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_the_next_try_is_never_early_and_never_later_than_jitter_or_a_day(tries, status, retry, dice):
    outcome = Outcome(200 <= status < 300, status, "", retry, gone=status == 410)
    following = after(outcome, tries, START, dice)
    if outcome.ok:
        assert following.state == "delivered"
    elif status == 410 or tries >= 10:
        assert following.state == "dead"
    else:
        wait = following.at - START
        slack = 1e-3
        assert wait >= SCHEDULE[tries] - slack
        assert wait <= max(SCHEDULE[tries] * (1 + JITTER), DAY if outcome.throttled else 0) + slack


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2000 22:14:20 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 40, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(said, seconds):
    assert retry_after(said, START) == seconds
