"""What every store must do with values."""

from __future__ import annotations

import asyncio

import pytest

from .stage import OnStage, Stage, Two


class Values(OnStage):
    """Versions, times to live, tags and scans."""

    def test_values_come_back_in_order_and_others_as_none(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            await one.put("a", b"1")
            await one.put("é", b"\x00\xff")
            found = await other.get("é", "none", "a")
            assert [value and value.data for value in found] == [b"\x00\xff", None, b"1"]
            assert await other.get() == []

        stage.run(story)

    def test_compare_and_set_lets_exactly_one_of_many_win(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            stores = two()
            version = await stores[0].put("k", b"0")
            puts = (stores[i % 2].put("k", b"%d" % i, expect=version) for i in range(20))
            won = [outcome for outcome in await asyncio.gather(*puts) if outcome is not None]
            assert len(won) == 1
            [value] = await stores[1].get("k")
            assert value is not None
            assert value.version == won[0]
            assert won[0] != version

        stage.run(story)

    def test_a_version_never_comes_back(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            first = await store.put("k", b"1", expect=0)
            assert first
            assert await store.put("k", b"2", expect=0) is None
            await store.drop("k")
            assert await store.put("k", b"3", expect=first) is None
            second = await store.put("k", b"4", expect=0)
            assert second not in (None, first)

        stage.run(story)

    def test_a_value_past_its_time_is_absent_everywhere(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await store.put("k", b"1", ttl=5)
            await store.put("kept", b"1", ttl=5)
            await store.put("kept", b"2")
            stage.clock.advance(5)
            assert await store.get("k") == [None]
            assert [key async for key, _ in store.scan("k")] == ["kept"]
            assert await store.drop("k") == 0
            assert await store.put("k", b"2", expect=0) is not None

        stage.run(story)

    def test_dropping_a_tag_forgets_all_that_carry_it(self, two: Two, stage: Stage) -> None:
        async def story() -> None:
            one, other = two()
            await one.put("a", b"1", tags=["x", "y"])
            await one.put("b", b"2", tags=["y"])
            assert await other.drop(tag="never") == 0
            assert await other.drop(tag="x") == 1
            found = await one.get("a", "b")
            assert [value and value.data for value in found] == [None, b"2"]
            await one.put("a", b"3", tags=["x"])
            assert (await other.get("a"))[0] is not None
            assert await other.drop("a", "b", "c") == 2

        stage.run(story)

    def test_scan_is_ordered_prefixed_and_paged(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            for key in ("p/b", "p/a", "p/é", "p/\U0010ffff", "q/a", "p", "p/c"):
                await store.put(key, key.encode())
            assert [key async for key, _ in store.scan("p/")] == ["p/a", "p/b", "p/c", "p/é", "p/\U0010ffff"]
            page = [(key, value.data) async for key, value in store.scan("p/", after="p/a", limit=2)]
            assert page == [("p/b", b"p/b"), ("p/c", b"p/c")]
            assert [key async for key, _ in store.scan("%")] == []

        stage.run(story)

    def test_keys_and_values_outside_the_contract_are_value_errors(self, stage: Stage) -> None:
        async def story() -> None:
            store = stage.open()
            await store.put("k" * 512, b"x" * 100_000)
            for key, data in (("", b""), ("é" * 257, b""), ("k", bytes(8 * 1024 * 1024 + 1)), ("\ud800", b"")):
                with pytest.raises(ValueError, match=r".+"):
                    await store.put(key, data)

        stage.run(story)
