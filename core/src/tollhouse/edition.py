"""An edition: one configuration made live — its plugins, frozen chain, routes, providers and models."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .chain import Chain
from .config import Bound, Config, ConfigErrors, Loaded, PluginSchema, Timeouts, bind, validate
from .config.problems import Problems, join
from .dialect import Dialect
from .errors import ConfigError, Rejected
from .events import PriceMissing
from .hooks import Endpoint
from .plugins import Catalog, Found
from .principal import Principal
from .provider import Provider
from .rates import Rates
from .routes import Routes
from .target import Plan, Target

if TYPE_CHECKING:
    from .exchange import Exchange
    from .gateway import Gateway

log = logging.getLogger("tollhouse.edition")

_UNASKED = object()
_PRICED = 4096
"""Targets whose rate cards are remembered: callers may name models nobody declared."""
_NAMED = 20
"""Model names an error lists at most."""


@dataclass(frozen=True, slots=True)
class Plugged:
    """A plugin of this edition."""

    found: Found
    plugin: object

    @property
    def name(self) -> str:
        """The plugin's name in gateway.toml."""
        return self.found.name


class Edition:
    """One configuration, live. Exchanges pin it; it is retired when a successor serves and the last one left."""

    def __init__(
        self, gateway: Gateway, loaded: Loaded, number: int, catalog: Catalog, extra: Sequence[Found] = ()
    ) -> None:
        """Load, bind, freeze. Raises ConfigError or ConfigErrors; nothing is opened before `start`.
        `catalog` tells what is installed; `extra` plugins are loaded without that, after those the file lists."""
        self.gateway, self.number, self.loaded = gateway, number, loaded
        self.config: Config = loaded.config
        found, missing = _found(loaded, catalog, extra)
        schemas = {one.name: PluginSchema(_attribute(one, "Settings"), _attribute(one, "Level")) for one in found}
        self.plugged = _make(loaded, found, schemas)
        self.chain = Chain(
            [(one.name, one.plugin) for one in self.plugged],
            limits={name: float(limit) for name, limit in self.config.server.hooks.items()},
            on_failure=gateway.plugin_failed,
        )
        _closed_or_said(self)
        kinds = self._kinds()
        for kind, error in missing.items():
            if kind not in kinds:
                raise error
        self.bound: Bound = bind(
            loaded,
            schemas,
            {kind: getattr(make, "Settings", None) for kind, make in kinds.items()},
            installed=catalog.installed,
        )
        self.levels = self.bound.levels
        self.dialects: dict[str, Dialect] = {}
        for _, dialects in self.chain["dialects"].gather(gateway):
            for dialect in dialects:
                if dialect.name in self.dialects:
                    raise ConfigError(f"two plugins bring the dialect {dialect.name}.", path="plugins")
                self.dialects[dialect.name] = dialect
        self.endpoints: list[Endpoint] = [e for _, many in self.chain["endpoints"].gather(gateway, self) for e in many]
        self.providers: dict[str, Provider] = {
            name: kinds[entry.kind](name, self.bound.providers[name], gateway)
            for name, entry in self.config.providers.items()
        }
        for name, provider in self.providers.items():
            if provider.speaks and not self.dialects.keys() & set(provider.speaks):
                raise ConfigError(
                    f"no listed plugin speaks {' or '.join(provider.speaks)}, which it needs.",
                    path=join("providers", name),
                    hint="Add the plugin that brings this dialect to plugins.",
                )
        self.routes = Routes(self.dialects.values(), self.endpoints, self.providers)
        self._plans = {
            model.name: Plan(tuple(Target(t.provider, t.model, t.weight) for t in model.targets))
            for model in self.config.models.values()
        }
        self._open = self.config.undeclared_models or not self._plans
        self.total: float = self.timeouts("").total
        """Seconds an exchange has as long as its model is not known."""
        self._rates: dict[Target, Any] = {}
        self._in_flight: set[Exchange] = set()
        self._empty = asyncio.Event()
        self._started = False

    async def start(self) -> None:
        """Run the `startup` hooks. Raises ConfigError when one refuses; what had started is shut down again."""
        self._started = True
        try:
            await self.chain["startup"].each(self.gateway, self)
        except Exception as error:
            await self.stop()
            if isinstance(error, ConfigError):
                raise
            raise ConfigError(f"{error}", hint="The log above says more.") from error

    async def stop(self) -> None:
        """Wait for the exchanges that pin this edition, then shut down the plugins if they were started, and close
        the providers."""
        await self.emptied()
        if self._started:
            await self.chain["shutdown"].each(self.gateway)
        for provider in self.providers.values():
            await provider.close()

    async def emptied(self) -> None:
        """Wait until no exchange pins this edition."""
        while self._in_flight:
            self._empty.clear()
            await self._empty.wait()

    def enter(self, exchange: Exchange) -> None:
        """An exchange begins on this edition."""
        self._in_flight.add(exchange)

    def leave(self, exchange: Exchange) -> None:
        """An exchange has ended."""
        self._in_flight.discard(exchange)
        if not self._in_flight:
            self._empty.set()

    @property
    def in_flight(self) -> Sequence[Exchange]:
        """The exchanges under way."""
        return tuple(self._in_flight)

    def timeouts(self, model: str, provider: str = "") -> Timeouts:
        """The deadlines of a model on a provider, in seconds."""
        return self.bound.timeouts(provider, model)

    def rates(self, target: Target) -> Rates | None:
        """The target's rate card, asked for once and again when it holds no more; None when nobody prices it."""
        if not self.chain["price"].calls:
            return None
        rates = self._rates.get(target, _UNASKED)
        if rates is _UNASKED or (rates is not None and rates.until <= self.gateway.clock.time()):
            rates = self.chain["price"].first_now(target)
            if len(self._rates) >= _PRICED:
                del self._rates[next(iter(self._rates))]
            self._rates[target] = rates
            if rates is None:
                self._unpriced(target)
        return rates  # type: ignore[no-any-return]

    def _unpriced(self, target: Target) -> None:
        """Say once a configuration that nobody prices a target."""
        log.warning("nobody has a price for %.200r: its calls are booked as unpriced", target.name)
        self.gateway.emit(PriceMissing(at=self.gateway.clock.time(), target=target.name))

    def models_for(self, principal: Principal) -> list[str]:
        """The declared models a caller may use, in the file's order."""
        return [name for name in self._plans if principal.may_use(name)]

    def plan(self, model: str, principal: Principal) -> Plan:
        """Where a model goes as configured, best first. Raises Rejected (404) naming what exists."""
        if not principal.may_use(model):
            raise self.unknown_model(model, principal)
        declared = self._plans.get(model)
        if declared is not None:
            return declared
        provider, slash, rest = model.partition("/")
        if self._open and slash and rest and provider in self.providers:
            return Plan((Target(provider, rest),))
        raise self.unknown_model(model, principal)

    def unknown_model(self, model: str, principal: Principal) -> Rejected:
        """The 404 for a model that does not exist, or that this caller may not use: the two are not told apart."""
        names = self.models_for(principal)
        known = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        if self._open and self.providers:
            ways = " or ".join(f"`{name}/MODEL`" for name in list(self.providers)[:5])
            advice = f"Ask for {ways}" + (f", or one of: {known}." if known else ".")
        else:
            advice = f"You may use: {known}." if known else "You may use none."
        shown = model[:100].encode("unicode_escape").decode("ascii")
        return Rejected(
            f"The model `{shown}` does not exist or you do not have access to it. {advice}",
            status=404,
            code="model_not_found",
            param="model",
        )

    def passthrough(self, exchange: Exchange) -> str:
        """The provider a passthrough goes to: the one its path names, else the default one."""
        if exchange.addressed:
            return exchange.addressed
        for name in (self.config.default_provider, *self.providers):
            if name and exchange.dialect.name in self.providers[name].speaks:
                return name
        raise Rejected(
            f"{exchange.method} {exchange.path} is not something this gateway does, and no provider would take it.",
            status=404,
            code="not_found",
        )

    def _kinds(self) -> Mapping[str, Any]:
        kinds: dict[str, Any] = {}
        for plugin, offered in self.chain["providers"].gather(self.gateway):
            for kind, make in offered.items():
                if kind in kinds:
                    raise ConfigError(f"the provider kind {kind} is offered twice, last by {plugin}.", path="plugins")
                kinds[kind] = make
        return kinds


def _closed_or_said(edition: Edition) -> None:
    """Raise ConfigError when everybody on the network would be a caller and nobody said so."""
    server = edition.config.server
    if server.open_to_everyone or edition.chain["authenticate"] or server.listen.loopback:
        return
    raise ConfigError(
        f"{server.listen} can be reached from other machines, and no listed plugin asks who is calling: everybody "
        "could spend your money.",
        path="server.listen",
        hint="List one that authenticates in plugins, listen on 127.0.0.1, or set open_to_everyone = true in [server].",
    )


def _found(loaded: Loaded, catalog: Catalog, extra: Sequence[Found]) -> tuple[list[Found], dict[str, ConfigError]]:
    """The plugins the file lists, then those given, then those its providers need; and the errors of provider
    kinds that no installed plugin is known for, which a listed one may still offer."""
    found = [catalog.plugin(name, f"plugins[{i}]") for i, name in enumerate(loaded.config.plugins)]
    found += extra
    names = [one.name for one in found]
    missing: dict[str, ConfigError] = {}
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'the plugin "{name}" is listed twice.', path="plugins")
    for provider in loaded.config.providers.values():
        if provider.kind in names:
            continue
        where = join("providers", provider.name) + (".kind" if provider.kind != provider.name else "")
        try:
            one = catalog.provider(provider.kind, where)
        except ConfigError as error:
            missing[provider.kind] = error
            continue
        if one.name not in names:
            found.append(one)
            names.append(one.name)
    return found, missing


def _make(loaded: Loaded, found: Sequence[Found], schemas: Mapping[str, PluginSchema]) -> list[Plugged]:
    problems = Problems()
    plugged = []
    for one in found:
        settings_type = schemas[one.name].settings
        if settings_type is None:
            plugged.append(_made(one))
            continue
        try:
            settings = validate(settings_type, loaded.tables.get(one.name, {}), one.name, env=loaded.env)
        except ConfigErrors as several:
            problems.errors.extend(several.errors)
        except ConfigError as error:
            problems.errors.append(error)
        else:
            plugged.append(_made(one, settings))
    problems.check()
    return plugged


def _made(found: Found, *settings: object) -> Plugged:
    try:
        return Plugged(found, found.make(*settings))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f'the plugin "{found.name}" cannot be made: {type(error).__name__}: {error}',
            path="plugins",
            hint="A class with a `Settings` type is made with its settings, one without is made with nothing.",
        ) from error


def _attribute(found: Found, name: str) -> Any:
    value = getattr(found.make, name, None)
    return value if value is None or not inspect.ismethod(value) else None
