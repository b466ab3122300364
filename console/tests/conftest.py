"""Lets the tests import what they share, and starts a server that speaks the admin API."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def fake():
    """A fresh server with data that never changes by itself."""
    from fake_admin import Fake

    with Fake() as made:
        yield made
