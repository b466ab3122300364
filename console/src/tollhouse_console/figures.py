"""How figures read: short, with their unit, and `–` for what is not known."""

from __future__ import annotations

from datetime import UTC, datetime

NANO = 1_000_000_000
"""Nano-USD in one USD; every amount the gateway tells is in nano-USD."""
NONE = "–"


def seconds(value: float | None) -> str:
    """A duration: `14µs`, `0.3ms`, `120ms`, `1.20s`, `45s`, `3m05s`, `2h10m`, `4d`."""
    if value is None:
        return NONE
    if 0 < value < 0.00005:
        return f"{value * 1e6:.0f}µs"
    if value < 0.00095:
        return f"{value * 1000:.1f}ms"
    if value < 0.9995:
        return f"{value * 1000:.0f}ms"
    if value < 9.995:
        return f"{value:.2f}s"
    if value < 59.5:
        return f"{value:.0f}s"
    return span(value)


def span(value: float | None) -> str:
    """A longer duration in two units at most, cut to whole ones: `12s`, `3m05s`, `2h10m`, `4d 3h`."""
    if value is None:
        return NONE
    whole = int(value + 0.5)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    days, hours = divmod(whole // 3600, 24)
    return f"{days}d {hours}h" if hours and days < 10 else f"{days}d"


def count(value: float | None) -> str:
    """A number: `840`, `2.1k`, `318k`, `1.2M`."""
    if value is None:
        return NONE
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.1f}{unit}" if scaled < 99.95 else f"{scaled:.0f}{unit}"
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.1f}"


def many(value: float, word: str) -> str:
    """A number of things: `1 call`, `2.1k calls`."""
    return f"{count(value)} {word}{'' if value == 1 else 's'}"


def money(nano: float | None) -> str:
    """An amount: `$0`, `$0.00012`, `$0.0111`, `$41.20`, `$12.3k`."""
    if nano is None:
        return NONE
    usd = nano / NANO
    sign, usd = ("-", -usd) if usd < 0 else ("", usd)
    if usd == 0:
        return "$0"
    if usd < 0.00001:
        return f"{sign}<$0.00001"
    if usd < 0.001:
        return f"{sign}${usd:.5f}"
    if usd < 0.995:
        return f"{sign}${usd:.4f}"
    if usd < 9999.5:
        return f"{sign}${usd:.2f}"
    return f"{sign}${count(usd)}"


def ratio(value: float | None) -> str:
    """A share: `0%`, `0.4%`, `31%`."""
    if value is None:
        return NONE
    percent = value * 100
    if percent == 0 or percent >= 9.95:
        return f"{percent:.0f}%"
    return "<0.1%" if percent < 0.05 else f"{percent:.1f}%"


def rate(value: float | None) -> str:
    """A number a second: `0`, `0.4`, `12`, `1.4k`."""
    if value is None:
        return NONE
    return count(value) if value >= 9.95 or value == 0 else f"{value:.1f}"


def clock(at: float | None, utc: bool = False) -> str:
    """The time of day, local unless `utc`: `16:02:11`."""
    return NONE if at is None else _moment(at, utc).strftime("%H:%M:%S")


def minute(at: float | None, utc: bool = False) -> str:
    """The time of day without seconds: `16:02`."""
    return NONE if at is None else _moment(at, utc).strftime("%H:%M")


def moment(at: float | None, utc: bool = False) -> str:
    """Date and time: `2026-10-31 16:02`."""
    return NONE if at is None else _moment(at, utc).strftime("%Y-%m-%d %H:%M")


def _moment(at: float, utc: bool) -> datetime:
    found = datetime.fromtimestamp(at, UTC)
    return found if utc else found.astimezone()
