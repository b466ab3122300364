"""Which dialect, endpoint or provider a method and path belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import Match as Fits
from starlette.routing import Route as StarletteRoute

from .dialect import Dialect, Headers, Route
from .errors import ConfigError
from .hooks import Endpoint
from .provider import Provider

REST = "{rest}"
_NAME = re.compile(r"\{\w+(:path)?\}")


@dataclass(frozen=True, slots=True)
class Match:
    """Where a request goes. `tail` is what `{rest}` stands for, or a passthrough's path at the provider;
    `provider` is named by a provider's prefix."""

    dialect: Dialect
    route: Route
    tail: str = ""
    provider: str = ""


class Routes:
    """The front's table: literal paths by dict, then `{rest}` prefixes by length, then provider prefixes."""

    def __init__(
        self, dialects: Iterable[Dialect], endpoints: Iterable[Endpoint], providers: Mapping[str, Provider]
    ) -> None:
        """Raises ConfigError when two endpoints share a method and path."""
        self.dialects = {dialect.name: dialect for dialect in dialects}
        self._literal: dict[tuple[str, str], list[Match]] = {}
        self._prefixes: list[tuple[str, Dialect, Route]] = []
        self._patterns: list[tuple[re.Pattern[str], Dialect, Route]] = []
        for dialect in self.dialects.values():
            for route in dialect.routes:
                if route.path.endswith(REST):
                    self._prefixes.append((route.path.removesuffix(REST), dialect, route))
                elif name := _NAME.search(route.path):
                    before, after = route.path[: name.start()], route.path[name.end() :]
                    segment = (after.startswith("/") or not after) and not name[1]
                    taken = "[^/]+" if segment else ".+"
                    self._patterns.append(
                        (re.compile(re.escape(before) + f"({taken})" + re.escape(after)), dialect, route)
                    )
                else:
                    self._literal.setdefault((route.method, route.path), []).append(Match(dialect, route))
        for shared in self._literal.values():
            shared.sort(key=lambda match: match.route.claims is None)
        self._prefixes.sort(key=lambda entry: (-len(entry[0]), entry[2].claims is None))
        self._endpoints: list[tuple[StarletteRoute, Endpoint]] = []
        known: set[tuple[str, str]] = set()
        for endpoint in endpoints:
            for method in endpoint.methods:
                if (method, endpoint.path) in known:
                    raise ConfigError(f"two plugins bring the endpoint {method} {endpoint.path}.", path="plugins")
                known.add((method, endpoint.path))
            place = StarletteRoute(endpoint.path, _unrouted, methods=list(endpoint.methods))
            self._endpoints.append((place, endpoint))
        self._providers = {
            name: next((self.dialects[d] for d in provider.speaks if d in self.dialects), None)
            for name, provider in providers.items()
        }

    def match(self, method: str, path: str, headers: Headers) -> Match | None:
        """The dialect's route for a request; None when no dialect and no provider prefix takes it."""
        for literal in self._literal.get((method, path), ()):
            if literal.route.claims is None or literal.route.claims(headers):
                return literal
        for pattern, dialect, route in self._patterns:
            if route.method == method and (taken := pattern.fullmatch(path)):
                return Match(dialect, route, taken[1])
        first, _, rest = path[1:].partition("/")
        if rest and (dialect_of := self._providers.get(first)) is not None:
            return Match(dialect_of, PASSTHROUGH, "/" + rest, first)
        for prefix, dialect, route in self._prefixes:
            fits = path.startswith(prefix) and len(path) > len(prefix) and route.method in (method, "*")
            if fits and (route.claims is None or route.claims(headers)):
                return Match(dialect, route, path if route.task == "passthrough" else path[len(prefix) :])
        return None

    def endpoint(self, scope: MutableMapping[str, Any]) -> Endpoint | None:
        """A plugin's endpoint for this method and path, by Starlette's rules; its parameters are in the scope then."""
        for place, endpoint in self._endpoints:
            fits, child = place.matches(scope)
            if fits is Fits.FULL:
                scope.update(child)
                return endpoint
        return None

    def dialect_for(self, path: str, headers: Headers, *, nearest: bool = True) -> Dialect | None:
        """The dialect that words an error for a request no route was found for, or whose head could not be read:
        one that knows the path, then the nearest by prefix whose claim does not speak against it, else the first if
        it is to be the `nearest`."""
        for (_, literal), shared in self._literal.items():
            if literal == path:
                return shared[0].dialect if len(shared) == 1 else _claimed(shared, headers)
        for prefix, dialect, route in self._prefixes:
            if path.startswith(prefix) and (route.claims is None or route.claims(headers)):
                return dialect
        return next(iter(self.dialects.values()), None) if nearest else None


def _claimed(shared: list[Match], headers: Headers) -> Dialect:
    fitting = (match.dialect for match in shared if match.route.claims is None or match.route.claims(headers))
    return next(fitting, shared[-1].dialect)


def _unrouted(request: object) -> None:
    """Stands where Starlette wants an app: the core calls the endpoint itself, after checking its access."""


PASSTHROUGH = Route("*", "/{provider}/{rest}", "passthrough", body="stream")
"""The route of everything below a provider's own name."""
