"""Keys as text: a card for one, a table for many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from .showing import Shown

_WIDEST = 40


def card(shown: Shown, headline: str) -> str:
    """One key with its secret, ready to be copied."""
    lines = [headline, "", f"  {shown.secret}", "", "This secret is shown once: store it now, it cannot be read back."]
    facts = [(name, value) for name, value in _facts(shown) if value]
    if facts:
        width = max(len(name) for name, _ in facts)
        lines += ["", *(f"  {name:<{width}}  {value}" for name, value in facts)]
    return "\n".join(lines)


def table(keys: Sequence[Shown], now: float) -> str:
    """All keys, a line each."""
    if not keys:
        return "There are no keys. Make one: tollhouse keys create --name NAME"
    rows = [("NAME", "SECRET", "TEAM", "USER", "ROLE", "MODELS", "EXPIRES", "STATE")]
    rows += [
        (
            key.name,
            ", ".join(f"{one}…" for one in key.secrets) or ("in the file" if key.origin == "file" else "-"),
            key.team or "-",
            key.user or "-",
            key.role,
            "all" if key.models is None else ", ".join(key.models) or "none",
            _until(key.expires, now),
            key.state,
        )
        for key in keys
    ]
    cells = [[cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _facts(shown: Shown) -> list[tuple[str, str]]:
    return [
        ("team", shown.team),
        ("user", shown.user),
        ("tags", ", ".join(shown.tags)),
        ("role", shown.role if shown.role != "member" else ""),
        ("models", "" if shown.models is None else ", ".join(shown.models) or "none"),
        ("dialects", "" if shown.dialects is None else ", ".join(shown.dialects) or "none"),
        ("routes", "" if shown.routes is None else ", ".join(shown.routes) or "none: it calls no models"),
        ("expires", f"{shown.expires:%Y-%m-%d %H:%M UTC}" if shown.expires else ""),
        *((plugin, _text(value)) for plugin, value in shown.settings.items()),
    ]


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _until(expires: datetime | None, now: float) -> str:
    if expires is None:
        return "never"
    left = expires.timestamp() - now
    if 0 < left < 86400:
        return f"in {max(1, round(left / 3600))} h"
    return f"{expires.astimezone(UTC):%Y-%m-%d}"
