"""Lists of model names in which `*` stands for anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def allows(patterns: Sequence[str] | None, name: str) -> bool:
    """Whether one of the patterns is `name` or fits it; None allows every name, an empty list none."""
    return patterns is None or any(p == name or ("*" in p and _compiled(p).fullmatch(name)) for p in patterns)
