"""Whether a webhook gets anything, known to all processes: switched off by a 410, by days of failure, or by hand."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from tollhouse import Store


class Off(Struct, frozen=True, kw_only=True):
    """Why a webhook gets nothing, since when."""

    at: float
    why: str


class Standing(Struct, frozen=True, kw_only=True):
    """Where a webhook stands."""

    off: Off | None = None
    delivered_at: float | None = None
    """When something was delivered last, within a minute."""


def _off(name: str) -> str:
    return f"webhooks:off:{name}"


def _ok(name: str) -> str:
    return f"webhooks:ok:{name}"


async def standing(store: Store, name: str) -> Standing:
    """Where it stands now."""
    off, ok = await store.get(_off(name), _ok(name))
    return Standing(
        off=msgspec.json.decode(off.data, type=Off) if off else None,
        delivered_at=float(ok.data) if ok else None,
    )


async def switch_off(store: Store, name: str, off: Off) -> bool:
    """Whether it was on until now."""
    return await store.put(_off(name), msgspec.json.encode(off), expect=0) is not None


async def switch_on(store: Store, name: str) -> bool:
    """Whether it was off until now."""
    return await store.drop(_off(name)) > 0


async def delivered(store: Store, name: str, at: float) -> None:
    """Something was delivered."""
    await store.put(_ok(name), repr(at).encode())
