"""An engine around a small app, on a thread of its own, and callers that speak over raw sockets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from around import App, Around

ENGINES = ["hypercorn", "uvicorn"]


@pytest.fixture(params=ENGINES)
def engine(request):
    """The name of each engine in turn."""
    if request.param == "uvicorn":
        pytest.importorskip("uvicorn")
        pytest.importorskip("httptools")
    return request.param


@pytest.fixture
def around(engine):
    """`around(**settings)`: the engine, serving for this test alone."""
    running = []

    def start(**settings):
        running.append(Around(engine, **settings))
        running[-1].start()
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="module")
def engines():
    """Each engine by its name, serving for a whole module."""
    running = {}
    yield running
    for one in running.values():
        one.stop()


@pytest.fixture
def served(engine, engines):
    """The engine as it is without settings, with a new app."""
    if engine not in engines:
        engines[engine] = Around(engine)
        engines[engine].start()
    engines[engine].app = App()
    return engines[engine]
