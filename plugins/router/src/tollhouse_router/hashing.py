"""Even, lasting assignments: hashes of words, and weighted rendezvous hashing over targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from tollhouse import Target

_MASK = (1 << 64) - 1


def hashed(text: str) -> int:
    """64 even bits of a text; the same in every process and version."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


@lru_cache(maxsize=8192)
def _of_target(name: str) -> int:
    return hashed(name)


def mixed(one: int, other: int) -> int:
    """64 even bits of two hashes: the finalizer of splitmix64 (Steele, Lea and Flood, 2014) over their difference."""
    bits = ((one ^ other) + 0x9E3779B97F4A7C15) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def fraction(bits: int) -> float:
    """64 bits as a number above 0 and below 1."""
    return ((bits >> 11) + 0.5) / (1 << 53)


def rendezvous(key: int, targets: Sequence[Target]) -> list[Target]:
    """The targets in the order of a key: each is first for a share of all keys that is proportional to its weight, and
    taking one away moves only the keys it was first for. Those of weight 0 come last, in the order given."""
    drawn = [
        (-math.log(fraction(mixed(key, _of_target(target.name)))) / target.weight if target.weight else math.inf, place)
        for place, target in enumerate(targets)
    ]
    drawn.sort()
    return [targets[place] for _, place in drawn]
