"""`tollhouse cache`: what the cache of the serving gateways counts, and clearing it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import msgspec
from tollhouse import ConfigError
from tollhouse.commands import config_option, with_gateway

from .clearing import WAYS, rule
from .clears import clear
from .counts import Counts, summed, told
from .stats import stats

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

_HELP = {
    "model": "what was asked of a model, as callers name it",
    "tag": "what callers marked with a word, or who has this tag",
    "key": "what a key asked",
    "team": "what a team asked",
    "entry": "one entry, by the id in x-tollhouse-cache-entry",
    "older_than": "what is older than a duration, such as 1h",
}
_METAVAR = {"model": "NAME", "tag": "WORD", "key": "NAME", "team": "NAME", "entry": "ID", "older_than": "DURATION"}


def cache(parser: argparse.ArgumentParser) -> None:
    """Show what the cache does, or clear it."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    words = "Print what the workers count."
    shown = actions.add_parser("stats", help=words, description=words)
    config_option(shown)
    shown.add_argument("--json", action="store_true", help="print one JSON object")
    shown.set_defaults(run=_stats)
    words = "Forget entries, in all workers and the store."
    cleared = actions.add_parser("clear", help=words, description=words)
    config_option(cleared)
    which = cleared.add_mutually_exclusive_group(required=True)
    for name, help_ in _HELP.items():
        which.add_argument(f"--{name.replace('_', '-')}", metavar=_METAVAR[name], help=help_)
    which.add_argument("--all", action="store_const", const="true", help="everything")
    cleared.set_defaults(run=_clear)


def _stats(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway) -> int:
        workers = await told(_shared(gateway).store)
        for line in [msgspec.json.encode(stats(workers)).decode()] if args.json else table(workers):
            print(line)
        return 0

    return with_gateway(args, work)


def _clear(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway) -> int:
        now = gateway.clock.time()
        try:
            ruled = rule({name: getattr(args, name) or "" for name in WAYS}, now)
        except ValueError as error:
            raise ConfigError(f"{error}") from error
        await clear(_shared(gateway).store, ruled, now)
        print("Cleared; every worker follows within a second.")
        return 0

    return with_gateway(args, work)


def _shared(gateway: Gateway) -> Gateway:
    if gateway.edition.config.store.url == "memory:":
        raise ConfigError(
            "nobody else sees a store in memory.",
            path="store.url",
            hint="Use the endpoint /admin/v1/cache of the gateway that serves, or another store.",
        )
    return gateway


def table(workers: dict[str, Counts]) -> list[str]:
    """Lines for people."""
    if not workers:
        return ["No worker has told anything within the last minute."]
    total = summed(workers.values())
    hits = total.memory_hits + total.store_hits + total.coalesced
    ratio = f" ({total.hit_ratio:.0%} of the calls that asked)" if total.hit_ratio is not None else ""
    lines = [
        ("workers", f"{len(workers)}"),
        ("answered", f"{hits}{ratio}"),
        ("  from memory", f"{total.memory_hits}"),
        ("  from the store", f"{total.store_hits}"),
        ("  from a call under way", f"{total.coalesced}"),
        ("sent upstream", f"{total.misses}"),
        ("not for the cache", f"{total.bypassed}"),
        ("entries stored", f"{total.stored}"),
        ("replies not stored", f"{total.not_stored}"),
        ("entries in memory", f"{total.entries} ({total.bytes / 2**20:.1f} MiB)"),
    ]
    if total.compression is not None and total.compression >= 1.05:
        lines.append(("compressed", f"{total.compression:.1f} times smaller"))
    return [f"{name:<26}{said}" for name, said in lines]
