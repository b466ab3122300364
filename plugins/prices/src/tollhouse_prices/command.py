"""`tollhouse price explain`: every layer of a model's price, the card they make, and an example."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tollhouse import ConfigError, Target, Usage
from tollhouse.commands import config_option, with_gateway
from tollhouse.config.suggest import did_you_mean
from tollhouse.usage import BUCKETS

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

EXAMPLE = "input=1000,output=1000"


def price(parser: argparse.ArgumentParser) -> None:
    """Explain what a model costs, and why."""
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    words = "Print the layers of a model's price, the one that wins for each kind of token, and a worked example."
    explain = commands.add_parser("explain", help=words, description=words)
    config_option(explain)
    explain.add_argument("model", metavar="MODEL", help="a name from [models], or provider/model")
    explain.add_argument(
        "--tokens",
        type=tokens,
        default=EXAMPLE,
        metavar="KIND=N,...",
        help=f"the example's tokens, of {', '.join(BUCKETS)}; default {EXAMPLE}",
    )
    explain.set_defaults(run=_run)


def tokens(text: str) -> Usage:
    """Usage such as `input=200k,output=1000`."""
    from tollhouse.config.spoken import FACTORS

    counts: dict[str, int] = {}
    for word in filter(None, text.split(",")):
        bucket, _, number = word.partition("=")
        factor = FACTORS[number[-1:]] if number[-1:] in ("k", "M") else 1
        digits = number.rstrip("kM") if factor > 1 else number
        if bucket not in BUCKETS:
            raise argparse.ArgumentTypeError(f'there are no tokens "{bucket}"; there are {", ".join(BUCKETS)}')
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
            raise argparse.ArgumentTypeError(f'"{word}" wants a number of tokens, such as {bucket}=200k')
        counts[bucket] = int(digits) * factor
    return Usage(**counts)  # type: ignore[arg-type]


def _run(args: argparse.Namespace) -> int:
    async def work(gateway: Gateway) -> int:
        from .explain import explained
        from .plugin import Prices

        edition = gateway.edition
        plugin = next((one.plugin for one in edition.plugged if isinstance(one.plugin, Prices)), None)
        if plugin is None:
            raise ConfigError("nobody prices here.", path="plugins", hint='Add "prices" to plugins = [...].')
        targets = _targets(gateway, args.model)
        pricing = await plugin.open(gateway, edition)
        if len(targets) > 1 or targets[0].name != args.model:
            print(f"{args.model} goes to {', '.join(target.name for target in targets)}.\n")
        at = gateway.clock.time()
        print("\n\n".join(explained(target, pricing.priced(target, at), args.tokens) for target in targets))
        return 0

    return with_gateway(args, work)


def _targets(gateway: Gateway, model: str) -> list[Target]:
    """Where a model goes; raises ConfigError when it goes nowhere."""
    config = gateway.edition.config
    if declared := config.models.get(model):
        return [Target(entry.provider, entry.model) for entry in declared.targets]
    provider, slash, name = model.partition("/")
    if slash and name and provider in config.providers:
        return [Target(provider, name)]
    known = [*config.models, *(f"{name}/MODEL" for name in config.providers)]
    raise ConfigError(f'"{model}" is neither a model nor provider/model.', hint=did_you_mean(model, known))
