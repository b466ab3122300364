"""The Redis store against the contract, in one process and in several."""

from itertools import count

import pytest
from tollhouse.testing.stores import SharedStoreConformance, StoreConformance
from tollhouse_redis import open_redis

_numbers = count()


class OnRedis:
    opener = staticmethod(open_redis)
    shared = True

    @pytest.fixture
    def urls(self, server):
        return lambda: f"{server.url}?prefix=test-{next(_numbers)}"


class TestRedis(OnRedis, StoreConformance):
    pass


class TestSharedRedis(OnRedis, SharedStoreConformance):
    pass
