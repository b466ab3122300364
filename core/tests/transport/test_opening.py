"""Transports by name."""

from __future__ import annotations

import pytest
from tollhouse import ConfigError
from tollhouse.testing import run
from tollhouse.transport import open_transport
from tollhouse.transport.http1 import Http1Transport
from tollhouse.transport.pooled import HttpxTransport


@pytest.mark.parametrize(("name", "kind"), [("http1", Http1Transport), ("httpx", HttpxTransport)])
def test_a_transport_is_opened_by_name(name, kind):
    async def journey():
        transport = open_transport(name)
        assert type(transport) is kind
        await transport.close()

    run(journey())


def test_an_unknown_name_is_the_operators_problem():
    with pytest.raises(ConfigError, match='"http1" or "httpx"'):
        open_transport("http2")
