"""The event feed: a ring, followers that may be slow, and drop counters that tell."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.events import StoreChanged
from tollhouse.feed import Feed
from tollhouse.testing import run


def event(n):
    return StoreChanged(at=float(n), up=True)


async def drained(follower):
    follower.close()
    return [(number, happened.at) async for number, happened in follower]


@given(count=st.integers(0, 60), room=st.integers(1, 20))
def test_a_slow_follower_loses_the_oldest_and_knows_how_many(count, room):
    async def follow():
        feed = Feed(room=16)
        follower = feed.follow(room=room)
        for n in range(count):
            feed.emit(event(n))
        return follower.dropped, await drained(follower)

    dropped, seen = run(follow())
    assert dropped == max(0, count - room)
    assert [number for number, _ in seen] == list(range(count - len(seen) + 1, count + 1))
    assert len(seen) + dropped == count


@given(count=st.integers(0, 40), after=st.integers(0, 40), ring=st.integers(1, 20))
def test_resuming_by_number_gives_what_the_ring_still_holds_and_counts_the_rest(count, after, ring):
    async def follow():
        feed = Feed(room=ring)
        for n in range(count):
            feed.emit(event(n))
        follower = feed.follow(after=after)
        return follower.dropped, await drained(follower)

    dropped, seen = run(follow())
    missed = max(0, count - after)
    assert len(seen) + dropped == missed
    assert len(seen) == min(missed, ring)


def test_a_waiting_follower_is_woken_and_a_closed_one_ends():
    async def follow():
        feed = Feed()
        follower = feed.follow()
        reading = asyncio.create_task(anext(aiter(follower)))
        await asyncio.sleep(0)
        feed.emit(event(7))
        first = await reading
        follower.close()
        feed.emit(event(8))
        return first, [item async for item in follower]

    first, rest = run(follow())
    assert first == (1, event(7))
    assert rest == []


def test_listeners_hear_every_event_until_they_end():
    feed, heard = Feed(), []
    end = feed.listen(heard.append)
    feed.emit(event(1))
    end()
    feed.emit(event(2))
    assert [happened.at for happened in heard] == [1.0]
