"""`tollhouse keys`: the keyring from the command line, whether the gateway runs or not."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
from tollhouse import ConfigError, Rejected
from tollhouse.commands import config_option, with_gateway
from tollhouse.config import AmountError, Duration
from tollhouse.gateway import Gateway

from .endpoints import GRACE, read_grace
from .keyring import Keyring, cli_actor
from .pepper import check_pepper, find_pepper
from .secret import Secrets
from .settings import AuthSettings, Role
from .showing import Shown, from_file, from_store
from .table import card, table
from .wish import Wish

Work = Callable[[Gateway, Keyring], Awaitable[int]]


def keys(parser: argparse.ArgumentParser) -> None:
    """Make, list, revoke and rotate API keys."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    create = _command(commands, "create", "Make a key and show its secret, once.", _create)
    create.add_argument("--name", required=True, help="how lists and bills call it")
    create.add_argument("--team", default="", help="one of [teams]")
    create.add_argument("--user", default="", help="who uses it")
    create.add_argument("--tag", action="append", default=[], metavar="WORD", help="to group by; may be repeated")
    create.add_argument("--models", metavar="A,B", help="models it may use; `*` stands for anything")
    create.add_argument("--dialects", metavar="A,B", help="dialects it may speak")
    create.add_argument("--routes", metavar="A,B", help="tasks (chat, embed, passthrough) and paths (/v1/files*)")
    create.add_argument("--expires", metavar="WHEN", help="90d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z")
    create.add_argument("--budget", action="append", default=[], metavar="MONEY", help="such as `20 USD/day`")
    create.add_argument(
        "--rate-limit", action="append", default=[], metavar="RATE", help="such as `60 requests/minute`"
    )
    create.add_argument(
        "--set", action="append", default=[], metavar="PLUGIN=TOML", help="any plugin's setting, as at [keys.NAME]"
    )
    create.add_argument("--role", choices=get_args(Role), default="member", help="what it reaches of the gateway")
    _command(commands, "list", "List the keys of the file and of the store.", _list)
    revoke = _command(commands, "revoke", "End a key for good, everywhere within a second.", _revoke)
    revoke.add_argument("name")
    rotate = _command(commands, "rotate", "Give a key a new secret; the old one works on for a while.", _rotate)
    rotate.add_argument("name")
    rotate.add_argument("--grace", default=GRACE, metavar="TIME", help=f"how long the old one works; default {GRACE}")


def _command(commands: Any, name: str, words: str, run: Callable[[argparse.Namespace], int]) -> Any:
    parser = commands.add_parser(name, help=words, description=words)
    config_option(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def _create(args: argparse.Namespace) -> int:
    settings = dict(_setting(text) for text in args.set)
    for name, given in (("budget", args.budget), ("rate_limit", args.rate_limit)):
        if given:
            settings[name] = given[0] if len(given) == 1 else given
    asked = {
        "name": args.name,
        "team": args.team,
        "user": args.user,
        "tags": args.tag,
        "models": _words(args.models),
        "dialects": _words(args.dialects),
        "routes": _words(args.routes),
        "expires": _when(args.expires) if args.expires else None,
        "role": args.role,
        "settings": settings,
    }
    try:
        wish = msgspec.convert(asked, Wish)
    except msgspec.ValidationError as error:
        raise ConfigError(f"such a key cannot be made: {error}.") from None

    async def work(gateway: Gateway, keyring: Keyring) -> int:
        fresh = await keyring.create(wish, gateway.edition, cli_actor())
        shown = from_store(fresh.record, gateway.clock.time(), secret=fresh.secret)
        _print(args, shown, card(shown, f"Key {shown.name} is made."))
        return 0

    return _with_keyring(args, work)


def _list(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway, keyring: Keyring) -> int:
        now = gateway.clock.time()
        shown = [*from_file(gateway.edition, now), *[from_store(record, now) async for record in keyring.all()]]
        _print(args, shown, table(shown, now))
        return 0

    return _with_keyring(args, work)


def _revoke(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway, keyring: Keyring) -> int:
        record = await keyring.revoke(_stored(gateway, args.name), cli_actor())
        shown = from_store(record, gateway.clock.time())
        _print(args, shown, f"Key {record.name} is revoked; gateways that run refuse it within a second.")
        return 0

    return _with_keyring(args, work)


def _rotate(args: argparse.Namespace) -> int:
    grace = _said(lambda: read_grace(args.grace))

    async def work(gateway: Gateway, keyring: Keyring) -> int:
        fresh = await keyring.rotate(_stored(gateway, args.name), grace, cli_actor())
        shown = from_store(fresh.record, gateway.clock.time(), secret=fresh.secret)
        until = f"The old secret works until {_clock(gateway, grace)}." if grace else "The old secret is over."
        _print(args, shown, card(shown, f"Key {shown.name} has a new secret. {until}"))
        return 0

    return _with_keyring(args, work)


def _with_keyring(args: argparse.Namespace, work: Work) -> int:
    async def run(gateway: Gateway) -> int:
        url = gateway.edition.config.store.url
        settings = gateway.edition.bound.settings.get("auth")
        if not isinstance(settings, AuthSettings):
            raise ConfigError(f'{args.config} does not list "auth", so nobody asks for keys.', path="plugins")
        if url.startswith("memory:"):
            raise ConfigError(
                "keys in `memory:` are forgotten when this command ends.",
                path="store.url",
                hint="Remove [store] for a file, or write the key into the configuration: [keys.NAME].",
            )
        secrets = Secrets(find_pepper(settings.pepper, os.environ, url))
        await check_pepper(gateway.store, secrets)
        try:
            return await work(gateway, Keyring(gateway.store, secrets, gateway.clock))
        except Rejected as error:
            raise ConfigError(error.message) from None

    return with_gateway(args, run)


def _stored(gateway: Gateway, name: str) -> str:
    if name in gateway.edition.config.keys:
        raise ConfigError(f"the key {name} stands in {gateway.edition.loaded.path}; change it there.")
    return name


def _print(args: argparse.Namespace, shown: Shown | Sequence[Shown], words: str) -> None:
    if not args.json:
        print(words)
        return
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(shown)).decode() + "\n")


def _words(text: str | None) -> list[str] | None:
    return None if text is None else [word for word in (part.strip() for part in text.split(",")) if word]


def _setting(text: str) -> tuple[str, Any]:
    name, equals, toml = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z][a-z0-9_]*", name.strip()):
        raise ConfigError(f"{text!r} is not PLUGIN=TOML.", path="--set", hint="Like --set 'cache={ ttl = \"1h\" }'.")
    try:
        return name.strip(), tomllib.loads(f"value = {toml}")["value"]
    except tomllib.TOMLDecodeError:
        raise ConfigError(
            f"{toml!r} is not a value of TOML.", path=f"--set {name}", hint="A text needs quotes of its own."
        ) from None


def _when(text: str) -> datetime:
    try:
        return datetime.now(UTC) + timedelta(seconds=float(Duration(text)))
    except AmountError:
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{text!r} is no time.", path="--expires", hint="Write 90d, 2027-01-31 or 2027-01-31T12:00:00Z."
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _clock(gateway: Gateway, seconds: float) -> str:
    return f"{datetime.fromtimestamp(gateway.clock.time() + seconds, UTC):%Y-%m-%d %H:%M UTC}"


def _said(work: Callable[[], float]) -> float:
    try:
        return work()
    except Rejected as error:
        raise ConfigError(error.message, path="--grace") from None
