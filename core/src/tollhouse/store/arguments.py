"""What every back end refuses with a ValueError before it looks: arguments outside the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .interface import MAX_AMOUNT, Demand, Row

MAX_KEY = 512
MAX_VALUE = 8 * 1024 * 1024
DIMENSIONS = ("key", "user", "team", "model", "target", "provider", "outcome", "hour")
"""The columns rollups may be grouped by and filtered on."""

COLUMNS = (*DIMENSIONS[:-1], "id", "request_id")
"""The columns rows may be filtered on."""


def check_keys(*keys: str) -> None:
    """Keys, holds, tags and names are 1 to 512 bytes of UTF-8."""
    for key in keys:
        if not 0 < len(key.encode()) <= MAX_KEY:
            raise ValueError(f"a key is 1 to {MAX_KEY} bytes of UTF-8, not {key[:64]!r}")


def check_data(items: Iterable[bytes]) -> None:
    """Values, log items and messages are at most 8 MiB."""
    for data in items:
        if len(data) > MAX_VALUE:
            raise ValueError(f"a value is at most {MAX_VALUE} bytes, not {len(data)}")


def check_ttl(ttl: float) -> None:
    """A time to live is positive and finite."""
    if not 0 < ttl < float("inf"):
        raise ValueError(f"a time to live is a positive number of seconds, not {ttl}")


def check_demands(demands: Sequence[Demand]) -> None:
    """Amounts are exact integers; a rate has a period and a window an end."""
    for demand in demands:
        check_keys(demand.key)
        for amount in (demand.amount, demand.limit, demand.burst, demand.limit + demand.burst):
            if not 0 <= amount <= MAX_AMOUNT:
                raise ValueError(f"{demand.key}: an amount is from 0 to {MAX_AMOUNT}, not {amount}")
        if demand.kind == "rate" and not demand.period >= 1e-6:
            raise ValueError(f"{demand.key}: a rate needs a period of a microsecond or more")
        if demand.kind == "window" and not demand.until > 0:
            raise ValueError(f"{demand.key}: a window needs the unix time it ends at")


def check_actual(actual: Mapping[str, int]) -> None:
    """What was used is never negative."""
    for measure, amount in actual.items():
        if not 0 <= amount <= MAX_AMOUNT:
            raise ValueError(f"{measure}: an amount is from 0 to {MAX_AMOUNT}, not {amount}")


def check_dimensions(names: Iterable[str]) -> None:
    """Only the rollups' own columns."""
    for name in names:
        if name not in DIMENSIONS:
            raise ValueError(f"no such column: {name!r}; choose from {', '.join(DIMENSIONS)}")


def check_columns(names: Iterable[str]) -> None:
    """Only the columns that rows may be filtered on."""
    for name in names:
        if name not in COLUMNS:
            raise ValueError(f"no such column: {name!r}; choose from {', '.join(COLUMNS)}")


def check_claim(hold: str, demands: Sequence[Demand], ttl: float) -> None:
    """The arguments of `Store.claim`."""
    check_keys(hold)
    check_demands(demands)
    check_ttl(ttl)


def check_settle(hold: str, actual: Mapping[str, int], row: Row | None, mail: Sequence[tuple[str, bytes]]) -> None:
    """The arguments of `Store.settle`."""
    check_keys(hold, *(queue for queue, _ in mail))
    check_actual(actual)
    check_data(data for _, data in mail)
    if row is not None:
        check_keys(row.id)
        check_actual(row.tokens)
        check_actual({"cost": row.cost or 0, "saved": row.saved})


def check_put(key: str, data: bytes, ttl: float | None, tags: Sequence[str]) -> None:
    """The arguments of `Store.put`."""
    check_keys(key, *tags)
    check_data([data])
    if ttl is not None:
        check_ttl(ttl)
