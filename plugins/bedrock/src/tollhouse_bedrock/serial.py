"""Writes the parts of a reply as blocks, one after another."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec
from tollhouse import ProviderError

from .eventstream import event

LIMIT = 1 << 20
"""Bytes of later parts that wait until the open one ends."""

_encode = msgspec.json.Encoder().encode
Said = tuple[str, dict[str, Any]]
"""An event's name, and its fields but for the block's index."""


class Serial:
    """Writes parts that may be interleaved as blocks that are not, which clients count on: what belongs to a later
    part waits until the open one ends. Parts are known by a key; one is begun once and ended once."""

    def __init__(self) -> None:
        self.open: Hashable = None
        """The part whose block is open."""
        self._next = 0
        self._held: dict[Hashable, list[Said]] = {}
        self._ended: set[Hashable] = set()
        self._size = 0

    def begin(self, key: Hashable, start: dict[str, Any] | None = None) -> bytes:
        """A part begins; only that of a tool is announced, by `start`. Raises `ProviderError` past the limit."""
        said: list[Said] = [("contentBlockStart", {"start": start})] if start is not None else []
        if self.open is not None:
            self._held[key] = []
            for one in said:
                self._hold(key, one)
            return b""
        self.open = key
        self._next += 1
        return b"".join(self._event(one) for one in said)

    def grow(self, key: Hashable, delta: dict[str, Any]) -> bytes:
        """More of a part that has not ended. Raises `ProviderError` past the limit, and for one that has."""
        if key == self.open:
            return self._event(("contentBlockDelta", {"delta": delta}))
        if key not in self._held or key in self._ended:
            raise ProviderError("the upstream went on with a part that it had ended", kind="bad_reply")
        self._hold(key, ("contentBlockDelta", {"delta": delta}))
        return b""

    def end(self, key: Hashable) -> bytes:
        """A part is complete; what waited for it goes on."""
        if key != self.open:
            self._ended.add(key)
            return b""
        return self._event(("contentBlockStop", {})) + self.release()

    def adopt(self, key: Hashable) -> int:
        """A block begins that was written elsewhere: the number it must have. Nothing may be open."""
        self.open = key
        self._next += 1
        return self._next - 1

    def release(self) -> bytes:
        """The open block has ended: write what waited."""
        self.open = None
        out = []
        while self.open is None and self._held:
            later = next(iter(self._held))
            waited = self._held.pop(later)
            self.adopt(later)
            out += [self._event(one) for one in waited]
            self._size -= sum(len(_encode(one)) for one in waited)
            if later in self._ended:
                out.append(self._event(("contentBlockStop", {})))
                self.open = None
        return b"".join(out)

    def close(self) -> bytes:
        """End every part."""
        self._ended.update(self._held)
        return self.end(self.open) if self.open is not None else b""

    def _event(self, said: Said) -> bytes:
        name, fields = said
        return event(name, contentBlockIndex=self._next - 1, **fields)

    def _hold(self, key: Hashable, said: Said) -> None:
        self._held[key].append(said)
        self._size += len(_encode(said))
        if self._size > LIMIT:
            raise ProviderError(
                f"the upstream mixed the parts of its reply: more than {LIMIT} bytes had to wait for another part",
                kind="bad_reply",
            )
