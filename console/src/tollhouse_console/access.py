"""Where the gateway is and what opens it: options, the environment, or the token file of the current folder."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

URL = "http://127.0.0.1:8080"
TOKEN = Path(".tollhouse") / "admin-token"
"""Where a gateway without the plugin `auth` writes the key of its admin API, beside gateway.toml."""


@dataclass(frozen=True, slots=True)
class Access:
    """A gateway's address and an admin key; the key may be empty. Printing it shows no key."""

    url: str = URL
    key: str = field(default="", repr=False)
    origin: str = ""
    """Where the key was found, for messages."""


def options(parser: ArgumentParser) -> None:
    """Add `--url` and `--key`."""
    parser.add_argument("--url", metavar="URL", help=f"the gateway; default $TOLLHOUSE_URL, else {URL}")
    parser.add_argument(
        "--key",
        metavar="KEY",
        help=f"an admin key; default $TOLLHOUSE_ADMIN_KEY, else the file {TOKEN} in this folder",
    )


def find(args: Namespace, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> Access:
    """What the options say, else the environment, else the token file."""
    url = (args.url or environ.get("TOLLHOUSE_URL") or URL).rstrip("/")
    if "://" not in url:
        url = f"http://{url}"
    if args.key:
        return Access(url, args.key.strip(), "--key")
    if key := environ.get("TOLLHOUSE_ADMIN_KEY", "").strip():
        return Access(url, key, "$TOLLHOUSE_ADMIN_KEY")
    try:
        return Access(url, ((folder or Path()) / TOKEN).read_text().strip(), str(TOKEN))
    except OSError:
        return Access(url)
