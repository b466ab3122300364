"""Fields that the neutral form does not know: written again for this dialect, on the receipt for another."""

from __future__ import annotations

from typing import Any

from tollhouse import Receipt
from tollhouse.json_fields import merge
from tollhouse.neutral import Extra

from .name import NAME

CACHE = "cache_control"
"""A mark that clients of other dialects use under the same name."""


def write_extra(block: dict[str, Any], extra: Extra | None, at: str, receipt: Receipt) -> dict[str, Any]:
    """The block with its leftovers. Of another dialect's only the cache mark is carried; each other has a line."""
    if extra is None:
        return block
    if extra.dialect == NAME:
        return merge(block, extra, NAME)
    for name, raw in extra.fields.items():
        if name == CACHE:
            block[CACHE] = raw
        else:
            receipt.note("dropped", f"{at}.{name}" if at else name, f"known to {extra.dialect} only")
    return block
