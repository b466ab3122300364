"""Where the configuration comes from: the file, the environment, and what the command line puts above both."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec

from ..config import Address, AmountError, Loaded, load, parse
from ..errors import ConfigError


class Source(msgspec.Struct, frozen=True):
    """A file, and an address in place of `server.listen`; may be told to another process."""

    path: str
    listen: str = ""
    log: str = "info"
    """The log level."""

    def load(self) -> Loaded:
        """The configuration as the file is now. Raises ConfigError."""
        return self._over(load(Path(self.path), os.environ))

    def text(self) -> str:
        """The file as it is now. Raises ConfigError when it cannot be read, or not at all be understood."""
        load(Path(self.path), os.environ)
        return Path(self.path).read_text("utf-8-sig")

    def parse(self, text: str) -> Loaded:
        """The configuration as `text` has it. Raises ConfigError."""
        return self._over(parse(text, os.environ, path=Path(self.path)))

    def _over(self, loaded: Loaded) -> Loaded:
        if not self.listen:
            return loaded
        try:
            server = msgspec.structs.replace(loaded.config.server, listen=Address(self.listen))
        except AmountError as error:
            raise ConfigError(str(error), path="--listen") from None
        return replace(loaded, config=msgspec.structs.replace(loaded.config, server=server))
