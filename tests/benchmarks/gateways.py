"""What a gateway costs: nginx, Tollhouse in its several forms and other gateways, side by side in one run.

    python tests/benchmarks/gateways.py --seconds 2 --rounds 2 --peers --markdown

Each target runs alone on one core, the upstream and the load generator on another, everything on 127.0.0.1. What
counts is the CPU time that the target's processes use, which other work on the machine disturbs least, and the ratio
to nginx within a round. Prints what it will take, then tables of medians over the rounds. README.md says more.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from figures import Figures, drawn
from peers import peers
from processes import took
from rounds import Bench
from targets import Target, first

STARTS = {"litellm": 15.0}
"""About the seconds that a target takes to start and end, where it is not one or two."""


def main(argv: list[str] | None = None) -> int:
    """The command; its exit code is 1 when an answer was wrong."""
    options = _parser().parse_args(argv)
    if not hasattr(os, "sched_setaffinity") or not Path("/proc/self/stat").exists():
        print("This reads CPU time from /proc and holds processes on a core: it needs Linux.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        targets, missing = _targets(options, stack)
        if not targets:
            print("There is nothing to measure.", *missing, sep="\n", file=sys.stderr)
            return 2
        levels = sorted(set(options.concurrency))
        figures = Figures(targets, levels)
        bench = Bench([*figures.requests, *figures.streams], options.seconds)
        process, port = bench.upstream()
        stack.enter_context(process)
        _rounds(bench, figures, port, options.rounds)
        for rows in figures.tables():
            print(drawn(rows, markdown=options.markdown), end="\n\n")
    wrong = [words if times == 1 else f"{words} ({times} times)" for words, times in bench.wrong.items()]
    notes = [*_conditions(options, bench), _command_line(bench), *missing, *wrong]
    print(*(f"- {note}" for note in notes), sep="\n")
    return 1 if bench.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load; default 2")
    parser.add_argument("--rounds", type=int, default=2, help="of everything; default 2")
    parser.add_argument(
        "--concurrency",
        type=lambda text: [int(word) for word in text.split(",")],
        default=[1, 16, 64, 256],
        metavar="N,...",
        help="calls at once; streams only above 1; default 1,16,64,256",
    )
    parser.add_argument("--only", default="", metavar="NAME,...", help="measure these targets alone")
    parser.add_argument(
        "--peers",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="also gateways from the registries, installed into this folder if they are not there; default a "
        "temporary one",
    )
    parser.add_argument("--markdown", action="store_true", help="print tables for a README")
    return parser


def _targets(options: argparse.Namespace, stack: ExitStack) -> tuple[list[Target], list[str]]:
    targets, missing = first()
    if options.peers is not None:
        folder = options.peers or stack.enter_context(tempfile.TemporaryDirectory())
        more, absent = peers(Path(folder).resolve())
        targets, missing = [*targets, *more], [*missing, *absent]
    names = options.only.split(",") if options.only else [one.name for one in targets]
    known = {one.name: one for one in targets}
    missing += [f"{name} is not known; there are {', '.join(known)}" for name in names if name not in known]
    return [known[name] for name in names if name in known], missing


def _rounds(bench: Bench, figures: Figures, upstream: int, rounds: int) -> None:
    """All rounds, as long as it does not take three times what was said."""
    about = rounds * sum(bench.length(one) + STARTS.get(one.name, 1.5) for one in figures.targets)
    print(f"{len(figures.targets)} targets, {rounds} x: about {about:.0f} s", file=sys.stderr)
    until = time.monotonic() + 3 * about + 30
    for number in range(1, rounds + 1):
        figures.rounds.append({})
        for target in figures.targets:
            if time.monotonic() > until:
                bench.wrong[f"{target.name} was left out of round {number}: it took too long already"] += 1
                continue
            print(f"round {number}: {target.name}", file=sys.stderr, flush=True)
            taken = bench.measure(target, upstream)
            if taken is not None:
                figures.rounds[-1][target.name] = taken


def _conditions(options: argparse.Namespace, bench: Bench) -> list[str]:
    today = datetime.datetime.now(datetime.UTC).date()
    where = "on the other core" if bench.core != bench.other else "on the same core, the only one: do not compare"
    return [
        f"{today}, {os.cpu_count()} cores, Python {platform.python_version()}, Tollhouse {version('tollhouse-core')}; "
        f"medians of {options.rounds} x {options.seconds:g} s; upstream and load {where}.",
        "Ratios within this run are what counts; the absolute figures are those of this machine on this day.",
    ]


def _command_line(bench: Bench) -> str:
    """How long the command line takes, on the targets' core."""
    imports = took([sys.executable, "-c", "import tollhouse.cli"], bench.core)
    nothing = took([sys.executable, "-c", "pass"], bench.core)
    helps = took([sys.executable, "-m", "tollhouse", "--help"], bench.core)
    return f"`tollhouse --help` {helps:.2f} s; importing tollhouse.cli {imports - nothing:.3f} s."


if __name__ == "__main__":
    sys.exit(main())
