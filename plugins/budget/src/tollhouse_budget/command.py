"""`tollhouse budgets`: where every budget stands, read from the store that the serving gateways share."""

from __future__ import annotations

import argparse
from datetime import tzinfo
from typing import TYPE_CHECKING

import msgspec
from tollhouse import ConfigError
from tollhouse.commands import config_option, with_gateway

from .listing import Listing, Standing
from .words import usd

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway


def budgets(parser: argparse.ArgumentParser) -> None:
    """Print where every budget stands."""
    config_option(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON object a line, money in nano-USD")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway) -> int:
        from .plugin import Budget

        plugin = next((one.plugin for one in gateway.edition.plugged if isinstance(one.plugin, Budget)), None)
        if plugin is None:
            raise ConfigError("no budgets are kept.", path="plugins", hint='Add "budget" to plugins = [...].')
        standing = await Listing(plugin.purses, plugin.calendar).all(gateway)
        for line in map(_json, standing) if args.json else table(standing, plugin.calendar.zone):
            print(line)
        return 0

    return with_gateway(args, work)


def _json(one: Standing) -> str:
    return msgspec.json.encode(one).decode()


def table(standing: list[Standing], zone: tzinfo) -> list[str]:
    """The lines of a table for people."""
    from .calendar import Calendar

    if not standing:
        return ["No budget is set."]
    clock = Calendar(zone)
    rows = [("budget of", "limit", "used", "", "left", "starts again")]
    for one in standing:
        share = f"{one.used * 100 // one.limit} %" if one.limit else ""
        again = f"{clock.local(one.resets_at):%Y-%m-%d %H:%M %Z}" if one.resets_at is not None else "never"
        name = one.name + (" (shadow)" if one.shadow else "")
        rows.append((name, one.budget, usd(one.used, up=True), share, usd(one.remaining), again))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if 1 < column < 5 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
