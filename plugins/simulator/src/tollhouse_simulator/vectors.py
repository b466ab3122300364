"""Embeddings: unit vectors in which texts that share words are near each other.

Every distinct word adds a fixed pattern to a few dimensions, and the whole text adds one of its own, so that
equal texts have equal vectors, similar ones a cosine near 1, and strangers one near 0.
"""

from __future__ import annotations

import math
import re
from hashlib import blake2b
from struct import unpack

_WORD = re.compile(r"\w+")
_SPREAD = 16
"""Dimensions that one word touches."""
_SLOTS = f"<{_SPREAD}I"


def vector(text: str, dimensions: int, seed: int) -> list[float]:
    """The unit vector of a text: the same for the same text, dimensions and seed."""
    key = seed.to_bytes(16, "little", signed=True)
    total = [0.0] * dimensions
    for word in [*sorted(set(_WORD.findall(text.lower()))), "\0" + text]:
        digest = blake2b(word.encode("utf-8", "replace"), digest_size=4 * _SPREAD, key=key).digest()
        for slot in unpack(_SLOTS, digest):
            total[(slot >> 1) % dimensions] += 1.0 if slot & 1 else -1.0
    length = math.sqrt(sum(value * value for value in total))
    if not length:
        total[0] = length = 1.0
    return [value / length for value in total]
