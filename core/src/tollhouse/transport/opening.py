"""Transports by the names that gateway.toml may use."""

from __future__ import annotations

from typing import Literal, get_args

from ..errors import ConfigError
from .interface import Transport

Name = Literal["http1", "httpx"]
"""`http1` is our own, and fast; `httpx` is for whatever it cannot do."""


def open_transport(name: str) -> Transport:
    """A new transport; whoever opens it closes it. Raises ConfigError for a name that is none."""
    if name == "http1":
        from .http1 import Http1Transport

        return Http1Transport()
    if name == "httpx":
        from .pooled import HttpxTransport

        return HttpxTransport()
    names = " or ".join(f'"{known}"' for known in get_args(Name))
    raise ConfigError(f"{name!r} is no transport.", hint=f"It is {names}.")
