"""What load balancers and curious clients ask: are you alive, do you want work, what are you."""

from __future__ import annotations

import msgspec

from ..gateway import Gateway
from .asgi import Send
from .response import whole

_JSON = {"content-type": "application/json", "cache-control": "no-store"}


async def health(gateway: Gateway, path: str, send: Send) -> None:
    """`/healthz`: the process answers. `/readyz`: it wants new work; 503 with the reason when it does not."""
    ready, why = gateway.ready if path == "/readyz" else (True, "")
    state = {"status": "ok"} if ready else {"status": "unready", "reason": why}
    await whole(send, 200 if ready else 503, _JSON, msgspec.json.encode(state))


async def landing(send: Send) -> None:
    """`/`: agents probe it before they call."""
    await whole(send, 200, _JSON, msgspec.json.encode({"name": "tollhouse", "health": "/healthz", "api": "/v1"}))
