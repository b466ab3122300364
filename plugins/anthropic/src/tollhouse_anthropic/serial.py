"""Content blocks in the only order that is legal: one open at a time, numbered as they open."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec
from tollhouse import ProviderError
from tollhouse.framing import sse

LIMIT = 1 << 20
"""Bytes of later parts that wait until the open one ends."""

_encode = msgspec.json.Encoder().encode


def event(name: str, **fields: Any) -> bytes:
    """One event; its name is its `type` too."""
    return sse.frame(_encode({"type": name, **fields}), name)


class Serial:
    """Writes parts that may be interleaved as blocks that are not: what belongs to a later part is held back until
    the open one ends. Parts are known by a key; one is begun once and ended once."""

    def __init__(self) -> None:
        self.open: Hashable = None
        """The part whose block is open."""
        self._next = 0
        self._held: dict[Hashable, list[dict[str, Any]]] = {}
        self._ended: set[Hashable] = set()
        self._size = 0

    def begin(self, key: Hashable, block: dict[str, Any]) -> bytes:
        """A part begins; `block` is its block without content. Raises `ProviderError` past the limit."""
        if self.open is not None:
            self._held[key] = []
            self._hold(key, block)
            return b""
        self.open = key
        self._next += 1
        return event("content_block_start", index=self._next - 1, content_block=block)

    def grow(self, key: Hashable, delta: dict[str, Any]) -> bytes:
        """More of a part that has not ended. Raises `ProviderError` past the limit, and for one that has."""
        if key == self.open:
            return event("content_block_delta", index=self._next - 1, delta=delta)
        if key not in self._held or key in self._ended:
            raise ProviderError("the upstream went on with a part that it had ended", kind="bad_reply")
        self._hold(key, delta)
        return b""

    def end(self, key: Hashable) -> bytes:
        """A part is complete; what waited for it goes on."""
        if key != self.open:
            self._ended.add(key)
            return b""
        stop = event("content_block_stop", index=self._next - 1)
        return stop + self.release(key)

    def adopt(self, key: Hashable) -> int:
        """A block begins that was written elsewhere: the number it must have. Nothing may be open."""
        self.open = key
        self._next += 1
        return self._next - 1

    def release(self, key: Hashable) -> bytes:
        """The block of `key`, if open, has ended: write what waited."""
        if key == self.open:
            self.open = None
        out = []
        while self.open is None and self._held:
            later = next(iter(self._held))
            block, *deltas = self._held.pop(later)
            out.append(self.begin(later, block))
            out += [self.grow(later, delta) for delta in deltas]
            self._size -= sum(len(_encode(said)) for said in (block, *deltas))
            if later in self._ended:
                out.append(event("content_block_stop", index=self._next - 1))
                self.open = None
        return b"".join(out)

    def close(self) -> bytes:
        """End every part."""
        self._ended.update(self._held)
        return self.end(self.open) if self.open is not None else b""

    def _hold(self, key: Hashable, said: dict[str, Any]) -> None:
        self._held[key].append(said)
        self._size += len(_encode(said))
        if self._size > LIMIT:
            raise ProviderError(
                f"the upstream mixed the parts of its reply: more than {LIMIT} bytes had to wait for another part",
                kind="bad_reply",
            )
