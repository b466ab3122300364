"""One served gateway and one upstream a module, and clients that call them."""

import sys
from pathlib import Path

import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from house import Elsewhere, House


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
def house(tmp_path_factory, elsewhere):
    """A gateway in a process of its own; simulator and upstream behind it."""
    with House(tmp_path_factory.mktemp("house"), elsewhere.url) as served:
        yield served


@pytest.fixture
def client(house, up):
    """The SDK as most people make it, but it tries once."""
    with openai.OpenAI(base_url=f"{house.url}/v1", api_key="sk-callers-own", max_retries=0, timeout=30) as made:
        yield made
