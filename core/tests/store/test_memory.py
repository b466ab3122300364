"""The memory store against the contract."""

import pytest
from tollhouse.errors import ConfigError
from tollhouse.store.memory import open_memory
from tollhouse.testing.stores import StoreConformance


class TestMemory(StoreConformance):
    opener = staticmethod(open_memory)

    @pytest.fixture
    def urls(self):
        return lambda: "memory:"


def test_another_url_is_refused():
    with pytest.raises(ConfigError, match="memory"):
        open_memory("memory:x")
