"""`tollhouse webhooks`: from the command line, whether the gateway runs or not."""

from __future__ import annotations

import argparse
import base64
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from tollhouse import ConfigError, Rejected
from tollhouse.commands import config_option, with_gateway

from .settings import Webhook
from .showing import Shown, ShownDelivery, again, attempt, deliveries, shown, unknown

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

Work = Callable[["Gateway", dict[str, Webhook]], Awaitable[int]]

KEY_BYTES = 32
"""Bytes of a new secret."""


def webhooks(parser: argparse.ArgumentParser) -> None:
    """List, test and mend webhooks."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(commands, "list", "List the webhooks and where they stand.", _list)
    test = _command(commands, "test", "Send a test message now, and say what became of it.", _test)
    test.add_argument("name", metavar="NAME")
    log = _command(commands, "log", "Print the latest deliveries, newest first.", _log)
    log.add_argument("name", metavar="NAME")
    log.add_argument("--limit", type=int, default=20, metavar="N", help="how many; default 20")
    redeliver = _command(commands, "redeliver", "Send messages again.", _redeliver)
    redeliver.add_argument("name", metavar="NAME")
    redeliver.add_argument("id", nargs="?", default="", metavar="ID", help="the webhook-id of a message in the log")
    redeliver.add_argument("--dead", action="store_true", help="all that were given up")
    enable = _command(commands, "enable", "Let a webhook that was disabled get messages again.", _enable)
    enable.add_argument("name", metavar="NAME")
    words = "Make a secret for signatures, and print it."
    secret = commands.add_parser("secret", help=words, description=words)
    secret.set_defaults(run=_secret)


def _command(commands: Any, name: str, words: str, run: Callable[[argparse.Namespace], int]) -> Any:
    parser = commands.add_parser(name, help=words, description=words)
    config_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def _list(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway, known: dict[str, Webhook]) -> int:
        found = [await shown(gateway.store, *one) for one in known.items()]
        _print(args, found, [_row(one) for one in found] or [("No webhook is set.",)])
        return 0

    return _with_webhooks(args, work)


def _test(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway, known: dict[str, Webhook]) -> int:
        tried = await attempt(args.name, _named(args, known), gateway.clock)
        words = f"{args.name} took {tried.id} in {tried.seconds * 1000:.0f} ms ({tried.status})."
        _print(args, tried, [(words if tried.ok else f"{args.name} did not take it: {tried.why}",)])
        return 0 if tried.ok else 1

    return _with_webhooks(args, work)


def _log(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway, known: dict[str, Webhook]) -> int:
        _named(args, known)
        if args.limit < 1:
            raise ConfigError("it must be at least 1.", path="--limit")
        found = await deliveries(gateway.store, args.name, args.limit)
        _print(args, found, [_tried(one) for one in found] or [("Nothing was delivered yet.",)])
        return 0

    return _with_webhooks(args, work)


def _redeliver(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway, known: dict[str, Webhook]) -> int:
        _named(args, known)
        if bool(args.id) == args.dead:
            raise ConfigError("say which message, or --dead.", path="redeliver", hint="`webhooks log` names them.")
        count = await again(gateway.store, args.name, message=args.id, dead=args.dead)
        words = f"{count} message{'' if count == 1 else 's'} will be sent again by a gateway that runs."
        _print(args, {"queued": count}, [(words,)])
        return 0

    return _with_webhooks(args, work)


def _enable(args: argparse.Namespace) -> int:
    from .standing import switch_on

    async def work(gateway: Gateway, known: dict[str, Webhook]) -> int:
        _named(args, known)
        was_off = await switch_on(gateway.store, args.name)
        _print(args, {"enabled": True}, [(f"{args.name} {'is enabled' if was_off else 'was enabled already'}.",)])
        return 0

    return _with_webhooks(args, work)


def _secret(args: argparse.Namespace) -> int:
    print("whsec_" + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
    return 0


def _with_webhooks(args: argparse.Namespace, work: Work) -> int:
    async def run(gateway: Gateway) -> int:
        from .plugin import Webhooks

        plugin = next((one.plugin for one in gateway.edition.plugged if isinstance(one.plugin, Webhooks)), None)
        if plugin is None:
            raise ConfigError("there are no webhooks.", path="plugins", hint='Add "webhooks" to plugins = [...].')
        if gateway.edition.config.store.url == "memory:":
            raise ConfigError("a store in memory cannot be reached from here.", path="store.url")
        try:
            return await work(gateway, plugin.webhooks)
        except Rejected as error:
            raise ConfigError(error.message) from None

    return with_gateway(args, run)


def _named(args: argparse.Namespace, known: dict[str, Webhook]) -> Webhook:
    if args.name not in known:
        raise unknown(args.name, known)
    return known[args.name]


def _row(one: Shown) -> tuple[str, ...]:
    state = "enabled" if one.enabled else f"disabled: {one.why}"
    last = f"last delivered {_clock(one.delivered_at)}" if one.delivered_at else "nothing delivered yet"
    return one.name, one.format, one.url, ", ".join(one.events), state, last


def _tried(one: ShownDelivery) -> tuple[str, ...]:
    became = {"delivered": "delivered", "dead": "given up"}.get(one.state) or f"again {_clock(one.next_at)}"
    return _clock(one.at), one.id, one.type, f"try {one.tries}", became, one.why or str(one.status)


def _clock(at: float | None) -> str:
    return f"{datetime.fromtimestamp(at or 0, UTC):%Y-%m-%d %H:%M:%S}"


def _print(args: argparse.Namespace, answer: Any, rows: Sequence[tuple[str, ...]]) -> None:
    if args.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer)).decode() + "\n")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
