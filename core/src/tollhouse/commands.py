"""What commands share: the option that names the configuration, and a gateway to work with that does not serve."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .gateway import Gateway


def config_option(parser: argparse.ArgumentParser) -> None:
    """Add `-c`/`--config` as every command has it."""
    parser.add_argument(
        "-c",
        "--config",
        type=Path,
        default=Path(os.environ.get("TOLLHOUSE_CONFIG", "gateway.toml")),
        metavar="FILE",
        help="the configuration; default gateway.toml in this folder, or $TOLLHOUSE_CONFIG",
    )


def with_gateway(args: argparse.Namespace, work: Callable[[Gateway], Awaitable[int]]) -> int:
    """Build the gateway that `args.config` describes, without serving or starting its plugins, run `work` with it,
    and close it; returns what `work` did, the exit code. The store is the one that serving gateways share. Raises
    ConfigError, and StoreError as ConfigError."""
    from .config import load
    from .errors import ConfigError, StoreError
    from .gateway import Gateway

    async def run() -> int:
        gateway = Gateway(load(args.config, os.environ))
        try:
            return await work(gateway)
        except StoreError as error:
            raise ConfigError(f"the store does not answer: {error}", path="store.url") from error
        finally:
            await gateway.close()

    return asyncio.run(run())
