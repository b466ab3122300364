"""`tollhouse init`: a commented gateway.toml for the providers whose keys are in the environment."""

from __future__ import annotations

import argparse
import inspect
import os
import re
from collections.abc import Iterator, Mapping
from textwrap import shorten
from typing import Any

from ..commands import config_option
from ..config import parse
from ..errors import ConfigError
from ..hookspec import PROJECT
from ..plugins import Catalog
from ..provider import Starter

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_COLUMN = 24
_WIDTH = 90


def add(parser: argparse.ArgumentParser) -> None:
    """Write a commented gateway.toml for the providers whose keys are in the environment."""
    config_option(parser)
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file and say what is in it. Raises ConfigError when it is there already."""
    if args.config.exists() and not args.force:
        raise ConfigError(f"{args.config} is there already.", hint="--force writes over it, -c names another file.")
    text, found, missing = composed(os.environ)
    parse(text, os.environ, path=args.config)
    args.config.write_text(text, encoding="utf-8")
    print(f"{args.config} is written, with {', '.join(found)}.")
    if missing:
        print(f"Not in the environment: {', '.join(missing)}.")
    print(f"Next: tollhouse serve -c {args.config}")
    return 0


def composed(environ: Mapping[str, str]) -> tuple[str, list[str], list[str]]:
    """The file's text, the providers in it, and the variables that would have brought more. Imports every installed
    plugin, to ask what it offers."""
    dialects, others, starters = _installed()
    complete = {name: one for name, one in starters.items() if _variables(one) and _variables(one) <= environ.keys()}
    chosen = complete or {name: one for name, one in starters.items() if not _variables(one)}
    missing = {name: one for name, one in starters.items() if _variables(one) and name not in complete}
    targets = [f'"{name}/{one.model}"' for name, one in chosen.items()]
    lines = [
        "# Written by `tollhouse init`. `tollhouse check` prints every value, and where it comes from.",
        "",
        "plugins = [",
        *(f'    "{name}",' for name in dialects),
        *([] if dialects else ["    # no installed plugin brings a wire format that callers could speak"]),
        "    # Further plugins that are installed; a request meets them in the order of this list.",
        *(
            f'    # "{name}",'.ljust(_COLUMN) + "# " + shorten(words, _WIDTH, placeholder=" ...")
            for name, words in others.items()
        ),
        "]",
        "",
        "[server]",
        'listen = "127.0.0.1:8080"   # whoever reaches it may call, until a plugin checks who they are',
        "",
        "[providers]",
        *(f"{name} = {one.table}" for name, one in chosen.items()),
        *(f"# {name} = {one.table}" for name, one in missing.items()),
        "",
        "[models]                    # what callers ask for = where it goes, best first",
        f"chat = [{', '.join(targets)}]",
        "",
    ]
    return "\n".join(lines), list(chosen), sorted({name for one in missing.values() for name in _variables(one)})


def _installed() -> tuple[list[str], dict[str, str], dict[str, Starter]]:
    """Plugins that bring a dialect; the others, with what they say of themselves; and starters by provider kind."""
    catalog = Catalog()
    dialects: list[str] = []
    others: dict[str, str] = {}
    starters: dict[str, Starter] = {}
    for name in catalog.installed:
        made = catalog.plugin(name, "plugins").make
        hooks = {hook for hook, one in inspect.getmembers(made) if hasattr(one, f"{PROJECT}_impl")}
        if "providers" in hooks:
            starters |= dict(_starters(made))
        if "dialects" in hooks:
            dialects.append(name)
        elif "providers" not in hooks or len(hooks) > 1:
            others[name] = (inspect.getdoc(made) or "").partition("\n")[0]
    return dialects, others, dict(sorted(starters.items()))


def _starters(made: Any) -> Iterator[tuple[str, Starter]]:
    settings = getattr(made, "Settings", None)
    offers = (made(settings()) if settings else made()).providers
    for kind, make in offers(*(None for _ in inspect.signature(offers).parameters)).items():
        starter = getattr(make, "starter", None)
        if isinstance(starter, Starter):
            yield kind, starter


def _variables(starter: Starter) -> set[str]:
    return set(_VARIABLE.findall(starter.table))
