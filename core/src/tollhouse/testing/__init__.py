"""The kit for testing plugins: a gateway of given plugins, an ASGI client, a recording upstream, a served process.

No test framework is needed: coroutines run under `run(...)`, which fails when a task or generator leaks.
"""

from .client import Client, Response, Stream
from .kit import exchange, gateway, run
from .process import Served
from .upstream import Cut, Request, Upstream, sse

__all__ = [
    "Client",
    "Cut",
    "Request",
    "Response",
    "Served",
    "Stream",
    "Upstream",
    "exchange",
    "gateway",
    "run",
    "sse",
]
