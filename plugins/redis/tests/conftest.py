"""One Redis server for all tests of this folder; those that hurt theirs start one of their own."""

from pathlib import Path

import pytest
from tollhouse_redis.testing import RedisServer

HERE = Path(__file__).parent

pytest.register_assert_rewrite("tollhouse.testing.stores")


def pytest_collection_modifyitems(items):
    if not RedisServer.installed():
        for item in items:
            if item.path.parent == HERE and item.path.name != "test_address.py":
                item.add_marker(pytest.mark.skip(reason="there is no redis-server and redis-cli on the path"))


@pytest.fixture(scope="session")
def server():
    with RedisServer("appendonly no") as server:
        yield server


@pytest.fixture
def own_server():
    """A server of the test's own, whose data survives a crash."""
    with RedisServer() as server:
        yield server
