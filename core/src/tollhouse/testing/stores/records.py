"""What every store must do with logs."""

from __future__ import annotations

from .stage import START, OnStage, Stage, Two


class Records(OnStage):
    """Order and trimming."""

    def test_a_log_reads_in_the_order_of_appending(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            first = await one.append("l", [b"1", b"2"])
            await one.append("another", [b"x"])
            last = await other.append("l", [b"%d" % i for i in range(3, 20)])
            items = await one.read("l")
            assert [data for _, data in items] == [b"%d" % i for i in range(1, 20)]
            assert [id_ for id_, _ in items] == sorted(id_ for id_, _ in items)
            assert items[1][0] == first
            assert items[-1][0] == last
            assert [data for _, data in await other.read("l", after=first, limit=2)] == [b"3", b"4"]
            assert await other.read("l", after=last) == []

        stage.run(story)

    def test_trim_deletes_what_is_older(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await store.append("l", [b"1", b"2"])
            stage.clock.advance(10)
            await store.append("l", [b"3"])
            assert await store.trim("l", START + 5) == 2
            assert [data for _, data in await store.read("l")] == [b"3"]
            assert await store.trim("l", START + 50) == 1
            assert await store.trim("none", START) == 0

        stage.run(story)
