"""Every transport, on every loop it meets, for the one suite they all pass."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tollhouse.transport.http1 import Http1Transport
from tollhouse.transport.pooled import HttpxTransport


@pytest.fixture(params=["httpx", "http1", "http1-uvloop"])
def make(request):
    """Makes the transport under test; the httpx one with a single pool, so that calls in turn share connections."""
    with looped(request.param):
        yield (lambda: HttpxTransport(pools=1)) if request.param == "httpx" else Http1Transport


@pytest.fixture(params=["http1", "http1-uvloop"])
def http1(request):
    """Makes our own transport, for what only it promises."""
    with looped(request.param):
        yield Http1Transport


@contextmanager
def looped(name: str) -> Iterator[None]:
    """New loops are uvloop's for a name that says so."""
    if not name.endswith("uvloop"):
        yield
        return
    uvloop = pytest.importorskip("uvloop")
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost and 127.0.0.1, signed by itself, and its key; made anew each time."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(made)),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"openssl cannot make a certificate here: {error}")
    return made, key
