"""Gateways as processes, on each engine in turn."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["hypercorn", "uvicorn"])
def engine(request):
    """The name of each engine."""
    if request.param == "uvicorn":
        pytest.importorskip("uvicorn")
        pytest.importorskip("httptools")
    return request.param


@pytest.fixture(params=[("hypercorn", 1), ("uvicorn", 2)], ids=["hypercorn alone", "uvicorn twice"])
def crew(request):
    """An engine, and a number of workers."""
    if request.param[0] == "uvicorn":
        pytest.importorskip("uvicorn")
        pytest.importorskip("httptools")
    return request.param
