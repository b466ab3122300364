"""Tollhouse: a plugin-based reverse proxy for LLM traffic. What a plugin's author imports is here."""

from .attempt import Attempt
from .dialect import Decoder, Dialect, Edit, Encoder, Frame, Receipt, Request, Route
from .errors import (
    ConfigError,
    PluginFailed,
    ProviderError,
    Refused,
    Rejected,
    Skip,
    StoreError,
    TollhouseError,
)
from .exchange import Exchange
from .hooks import Endpoint, Next, Race, Wait
from .hookspec import hookimpl, hookspec
from .principal import Principal
from .provider import NoSettings, Provider, SimpleProvider, Starter
from .rates import Rates, Tier
from .reply import Event, Reply
from .store import Demand, Grant, Refusal, Store
from .target import Plan, Target
from .usage import Usage

__version__ = "0.1.0"

__all__ = [
    "Attempt",
    "ConfigError",
    "Decoder",
    "Demand",
    "Dialect",
    "Edit",
    "Encoder",
    "Endpoint",
    "Event",
    "Exchange",
    "Frame",
    "Grant",
    "Next",
    "NoSettings",
    "Plan",
    "PluginFailed",
    "Principal",
    "Provider",
    "ProviderError",
    "Race",
    "Rates",
    "Receipt",
    "Refusal",
    "Refused",
    "Rejected",
    "Reply",
    "Request",
    "Route",
    "SimpleProvider",
    "Skip",
    "Starter",
    "Store",
    "StoreError",
    "Target",
    "Tier",
    "TollhouseError",
    "Usage",
    "Wait",
    "__version__",
    "hookimpl",
    "hookspec",
]
