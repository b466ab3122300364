"""The command line: `tollhouse serve | check | init | ...`, and what plugins bring."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence, Sized
from importlib.metadata import entry_points
from typing import Protocol

from .books import ledger, spend
from .commands import config_option
from .errors import ConfigError
from .starting import init, new_plugin

COMMANDS = "tollhouse.commands"
"""Entry point group of further commands: a function `add(parser) -> None` that sets `parser.set_defaults(run=...)`;
its first docstring line is the help."""


class Run(Protocol):
    """What a command does: prints, and returns the exit code. May raise ConfigError: one sentence, exit code 1."""

    def __call__(self, args: argparse.Namespace) -> int:
        """Run it."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 for an operator's mistake told in one sentence, 2 for bad usage."""
    args = parser(sys.argv[1:] if argv is None else argv).parse_args(argv)
    if not getattr(args, "run", None):
        parser(["--help"]).print_help()
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return int(args.run(args))
    except ConfigError as error:
        print(f"tollhouse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The argument parser. A plugin's command is imported only when `argv` asks for it; the help of all commands shows
    what its distribution says of itself."""
    top = argparse.ArgumentParser(
        prog="tollhouse",
        description="A plugin-based reverse proxy for LLM traffic.",
        epilog="`tollhouse COMMAND --help` says more of each.",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND")
    for name, add in (
        ("serve", _serve),
        ("check", _check),
        ("plugins", _plugins),
        ("spend", spend.add),
        ("ledger", ledger.add),
        ("init", init.add),
        ("new-plugin", new_plugin.add),
        ("version", _version),
    ):
        words = (add.__doc__ or "").splitlines()[0]
        add(commands.add_parser(name, help=words, description=words))
    asked = next((word for word in argv if not word.startswith("-")), "")
    for point in sorted(entry_points(group=COMMANDS)):
        if point.name == asked:
            load = point.load()
            words = (load.__doc__ or "").splitlines()[0]
            load(commands.add_parser(point.name, help=words, description=words))
        elif not asked and point.dist:
            commands.add_parser(point.name, help=f"{point.dist.name}: {point.dist.metadata['Summary']}")
    return top


def _serve(parser: argparse.ArgumentParser) -> None:
    """Run the gateway."""
    config_option(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="listen here instead of server.listen")
    parser.add_argument("--log", default="info", choices=("debug", "info", "warning", "error"), help="log level")
    parser.set_defaults(run=_run_serve)


def _run_serve(args: argparse.Namespace) -> int:
    from .serve import serve
    from .serving.source import Source

    logging.getLogger("tollhouse").setLevel(args.log.upper())
    source = Source(str(args.config), args.listen or "", args.log)
    return serve(source, lambda line: print(line, flush=True))


def _check(parser: argparse.ArgumentParser) -> None:
    """Read the configuration, say what is wrong, or print every resolved value and where it came from."""
    config_option(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing when it is fine")
    parser.set_defaults(run=_run_check)


def _run_check(args: argparse.Namespace) -> int:
    from .config import explain, load
    from .gateway import Gateway

    edition = Gateway(load(args.config, os.environ)).edition
    if not args.quiet:
        lines = explain(edition.bound)
        width = min(44, max((len(line.path) for line in lines), default=0))
        for line in lines:
            print(f"{line.path:<{width}}  {line.value}  ({line.origin})")
        plugins, providers = _count(edition.plugged, "plugin"), _count(edition.providers, "provider")
        print(f"\n{args.config} is fine: {plugins}, {providers}.")
    return 0


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _plugins(parser: argparse.ArgumentParser) -> None:
    """Print the plugins in their order, and which hooks each implements."""
    config_option(parser)
    parser.set_defaults(run=_run_plugins)


def _run_plugins(args: argparse.Namespace) -> int:
    from .config import load
    from .gateway import Gateway

    edition = Gateway(load(args.config, os.environ)).edition
    for one in edition.plugged:
        print(f"{one.name:<16} {one.found.distribution} {one.found.version}")
    print()
    for name, step in edition.chain.steps().items():
        if step:
            order = " -> ".join(call.plugin for call in step.calls)
            print(f"{name:<16} {step.spec.kind:<8} {'closed' if step.spec.closed else 'open':<7} {order}")
    return 0


def _version(parser: argparse.ArgumentParser) -> None:
    """Print the version of Tollhouse and of Python."""
    parser.set_defaults(run=_run_version)


def _run_version(args: argparse.Namespace) -> int:
    from importlib.metadata import version

    print(f"tollhouse {version('tollhouse-core')} on Python {sys.version.split()[0]}")
    return 0
