"""How random a text looks."""

from __future__ import annotations

import math
from collections import Counter


def entropy(text: str) -> float:
    """Bits a character, by how often each occurs."""
    length = len(text)
    return -sum(n / length * math.log2(n / length) for n in Counter(text).values()) if text else 0.0
