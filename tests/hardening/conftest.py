"""One served gateway on each engine and one upstream a module, and clients that call them."""

import sys
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scene import Elsewhere, Gate, engines


def pytest_configure(config):
    """What a test is for."""
    config.addinivalue_line(
        "markers", 'proves(requirement, ...): the requirements a test shows to hold, as "R19" or as a fault by name'
    )


@pytest.fixture(scope="session", params=engines())
def engine(request):
    """Every server that can speak HTTP here."""
    return request.param


@pytest.fixture(scope="module")
def elsewhere():
    """An upstream that lives as long as the module."""
    with Elsewhere() as upstream:
        yield upstream


@pytest.fixture
def up(elsewhere):
    """The upstream, with nothing asked yet."""
    elsewhere.clear()
    yield elsewhere
    elsewhere.clear()


@pytest.fixture(scope="module")
def gate(tmp_path_factory, elsewhere, engine):
    """A gateway in a process of its own."""
    with Gate(tmp_path_factory.mktemp("gate"), elsewhere.url, engine) as served:
        yield served


@pytest.fixture
def client(gate, up):
    """A client that keeps its connection."""
    with httpx.Client(base_url=gate.url, timeout=20) as made:
        yield made
