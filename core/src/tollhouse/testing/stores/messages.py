"""What every store must do with mail, leaders and messages."""

from __future__ import annotations

from .stage import START, OnStage, Stage, Two


class Messages(OnStage):
    """Leases, elections and subscriptions."""

    def test_mail_is_leased_oldest_first_and_comes_again_until_done(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            await one.settle("x", {}, mail=[("q", b"1"), ("q", b"2"), ("q2", b"3")])
            [first] = await one.take("q", 1, lease=5)
            [second] = await other.take("q", 5, lease=5)
            assert (first.data, first.tries, second.data) == (b"1", 1, b"2")
            await other.done("q", [second.id])
            assert await one.take("q", 5, lease=5) == []
            stage.clock.advance(5)
            [again] = await other.take("q", 5, lease=5)
            assert (again.id, again.tries, again.queue) == (first.id, 2, "q")

        stage.run(story)

    def test_mail_can_be_put_off_and_declared_dead(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await store.settle("x", {}, mail=[("q", b"1"), ("q", b"2")])
            later, dead = await store.take("q", 2, lease=5)
            await store.done("q", [later.id], again_at=START + 100)
            await store.done("q", [dead.id], dead=True)
            stage.clock.advance(99)
            assert await store.take("q", 5, lease=5) == []
            stage.clock.advance(1)
            assert [(mail.data, mail.tries) for mail in await store.take("q", 5, lease=5)] == [(b"1", 2)]
            assert [mail.data for mail in await store.take("q:dead", 5, lease=5)] == [b"2"]

        stage.run(story)

    def test_one_client_leads_until_its_time_runs_out(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            assert await one.lead("sweep", 10)
            assert await one.lead("sweep", 10)
            assert await other.lead("sweep", 10) is (one is other)
            assert await other.lead("another", 10)
            stage.clock.advance(10)
            assert await other.lead("sweep", 10)
            assert await one.lead("sweep", 10) is (one is other)

        stage.run(story)

    def test_messages_reach_every_subscriber_of_the_topic(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            await one.publish("t", b"before")
            stage.clock.advance(1)
            here, there = one.subscribe("t", "u"), other.subscribe("t")
            await one.publish("u", b"1")
            await one.publish("t", b"2")
            await other.publish("t", b"3")
            heard = [await anext(here) for _ in range(3)]
            assert sorted(heard) == [("t", b"2"), ("t", b"3"), ("u", b"1")]
            assert sorted([await anext(there), await anext(there)]) == [("t", b"2"), ("t", b"3")]
            await here.aclose()
            assert [message async for message in here] == []
            await other.close()
            assert [message async for message in there] == []

        stage.run(story)
