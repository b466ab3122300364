"""Environment variables in setting values: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`.

Keys are never substituted. `${NAME}` wants the variable set and not empty; `${NAME:-default}` falls back to
the text up to the next `}` in both cases, and `${NAME:-}` says that empty is fine. A `$` elsewhere is itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .problems import Problems, join

_PLACE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")


class Substitution:
    """One pass over a parsed file. `used` maps a value's path to the variables it came from."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.used: dict[str, tuple[str, ...]] = {}
        self.missing: dict[str, list[str]] = {}
        self.malformed: list[str] = []

    def apply(self, value: Any, path: str = "") -> Any:
        """A copy of `value` with every string in it substituted."""
        if isinstance(value, dict):
            return {key: self.apply(item, join(path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.apply(item, join(path, index)) for index, item in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            return self._text(value, path)
        return value

    def report(self, problems: Problems) -> None:
        """Add what went wrong: one problem for all missing variables, one for each malformed place."""
        for path in self.malformed:
            problems.add(
                '"${" without a variable name and "}".',
                path=path,
                hint='Write ${NAME}, ${NAME:-default}, or $${ for a literal "${".',
            )
        if not self.missing:
            return
        places = (f"{name} ({', '.join(paths)})" for name, paths in self.missing.items())
        some, it = ("variables", "them") if len(self.missing) > 1 else ("variable", "it")
        hint = f"Set {it}, or write a default: ${{{next(iter(self.missing))}:-default}}."
        problems.add(f"missing environment {some}: {', '.join(places)}.", hint=hint)

    def _text(self, text: str, path: str) -> str:
        names: list[str] = []

        def put(place: re.Match[str]) -> str:
            name, default = place[1], place[2]
            if place[0] == "$${":
                return "${"
            if name is None:
                self.malformed.append(path)
                return ""
            if value := self.environ.get(name):
                names.append(name)
                return value
            if default is None:
                self.missing.setdefault(name, []).append(path)
            return default or ""

        text = _PLACE.sub(put, text)
        if names:
            self.used[path] = tuple(dict.fromkeys(names))
        return text


def escape(text: str) -> str:
    """The text that substitution turns back into `text`, whatever it holds."""
    return text.replace("${", "$${")
