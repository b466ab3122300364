"""The memory store against the contract."""

import asyncio

import pytest
from tollhouse.errors import ConfigError
from tollhouse.store import Row
from tollhouse.store.memory import open_memory
from tollhouse.testing.stores import FakeClock, StoreConformance
from tollhouse.testing.stores.stage import START


class TestMemory(StoreConformance):
    opener = staticmethod(open_memory)

    @pytest.fixture
    def urls(self):
        return lambda: "memory:"


def test_the_latest_rows_are_kept_and_all_of_them_counted(monkeypatch):
    monkeypatch.setattr("tollhouse.store.memory.ROWS", 3)

    async def story():
        store = open_memory("memory:", clock=FakeClock())
        for i in range(5):
            await store.settle(f"{i}", {}, row=Row(id=f"{i}", at=START + i, outcome="completed"))
        assert [row.id for row in await store.rows(0, START + 9)] == ["4", "3", "2"]
        assert [total.requests for total in await store.sums([], 0, START + 9)] == [5]

    asyncio.run(story())


def test_another_url_is_refused():
    with pytest.raises(ConfigError, match="memory"):
        open_memory("memory:x")
