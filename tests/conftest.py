"""What all tests share: the fast ones run first, whatever folder they are in, and the slow ones last."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest hands every conftest the items of all test paths; the sort is stable, so folders keep their order."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT
