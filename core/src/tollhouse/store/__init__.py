"""The store: counters that hold exactly, small values, logs, rollups and an outbox, behind one interface.

Time is the store's, never a caller's. Amounts are integers below 2**53. Back ends register under the entry
point group `tollhouse.stores` by URL scheme: a callable `open(url: str) -> Store` (sync, opens lazily).
"""

from .interface import (
    MAX_AMOUNT,
    Demand,
    Grant,
    Level,
    Lost,
    Mail,
    Refusal,
    Row,
    Settled,
    Store,
    Subscription,
    Sum,
    Value,
)

__all__ = [
    "MAX_AMOUNT",
    "Demand",
    "Grant",
    "Level",
    "Lost",
    "Mail",
    "Refusal",
    "Row",
    "Settled",
    "Store",
    "Subscription",
    "Sum",
    "Value",
]
