"""Problems found in a configuration: collected over a whole pass, then raised as one error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import ConfigError

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


class ConfigErrors(ConfigError):
    """Several problems at once: `errors` holds each, str() has one a line."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(errors)} problems:" + "".join(f"\n  {error}" for error in errors))


class Problems:
    """Collects ConfigErrors until the pass is over."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []

    def add(self, message: str, *, path: str = "", hint: str = "") -> None:
        """Note one problem and go on."""
        self.errors.append(ConfigError(message, path=path, hint=hint))

    def __bool__(self) -> bool:
        return bool(self.errors)

    def check(self) -> None:
        """Raise what was found: the ConfigError itself if it is one, ConfigErrors if several, else return."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise ConfigErrors(self.errors)


def join(path: str, key: str | int) -> str:
    """The path of `key` inside `path`, as TOML would write it: `models."gpt-4.1".targets[0]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    name = key if _BARE.match(key) else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{path}.{name}" if path else name
