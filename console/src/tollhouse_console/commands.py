"""The commands this distribution brings: `tollhouse console`, `tollhouse top`, `tollhouse tail`, `tollhouse demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import access


def console(parser: argparse.ArgumentParser) -> None:
    """Watch and run a gateway in the terminal."""
    access.options(parser)
    parser.add_argument("--theme", default="", metavar="NAME", help="how it looks; T in the console lists all")
    parser.add_argument("--utc", action="store_true", help="show times in UTC")
    parser.set_defaults(run=_console)


def _console(args: argparse.Namespace) -> int:
    from .start import start

    return start(access.find(args), theme=args.theme, utc=args.utc)


def top(parser: argparse.ArgumentParser) -> None:
    """Print a table of targets, models, teams or keys, and refresh it."""
    access.options(parser)
    parser.add_argument("--by", default="target", choices=("target", "model", "team", "key"), help="what a row is")
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="how often; default 2")
    parser.add_argument("--once", action="store_true", help="print it once and end")
    parser.set_defaults(run=_top)


def _top(args: argparse.Namespace) -> int:
    from .top import run

    return run(access.find(args), by=args.by, every=max(0.2, args.every), once=args.once)


def tail(parser: argparse.ArgumentParser) -> None:
    """Print requests and incidents as they happen, a line each."""
    access.options(parser)
    parser.add_argument("--json", action="store_true", help="print every event as JSON")
    parser.add_argument("--filter", default="", metavar="FILTER", help="only requests that fit, once they end")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after so many lines")
    parser.add_argument("--utc", action="store_true", help="show times in UTC")
    parser.set_defaults(run=_tail)


def _tail(args: argparse.Namespace) -> int:
    from .tail import run

    return run(access.find(args), as_json=args.json, filter=args.filter, count=args.count, utc=args.utc)


def demo(parser: argparse.ArgumentParser) -> None:
    """Start a gateway with a simulator and lively callers, and watch it in the console."""
    parser.add_argument("--headless", action="store_true", help="print where it serves, and figures")
    parser.add_argument("--seconds", type=float, default=0.0, metavar="N", help="end after so long; default never")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="write gateway.toml there and keep it")
    parser.add_argument("--theme", default="", metavar="NAME", help="how the console looks")
    parser.add_argument(
        "--screenshot", type=Path, metavar="FILE", help="without a terminal: write a picture (SVG) and end"
    )
    parser.set_defaults(run=_demo)


def _demo(args: argparse.Namespace) -> int:
    from .demo.run import run

    return run(
        headless=args.headless, seconds=args.seconds, folder=args.folder, theme=args.theme, screenshot=args.screenshot
    )
