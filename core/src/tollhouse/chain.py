"""The hook chain: pluggy registers and validates, then every hook is frozen into one small step.

pluggy has no notion of async, so its own calls are never used at run time: each hook's implementations become
a tuple of bound functions in the plugins' order, driven here with the hook's kind, time limit and error policy.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import pluggy

from . import hooks
from .bounded import bounded
from .config.suggest import did_you_mean
from .errors import ConfigError, PluginFailed, ProviderError, Refused, Rejected, Skip
from .hookspec import PROJECT, Spec

log = logging.getLogger("tollhouse.plugins")

_ANSWERS = (Rejected, Refused, Skip, ProviderError, ConfigError)
"""Exceptions that are a hook's way to answer, not its failure."""


@dataclass(slots=True)
class Call:
    """One frozen implementation. `failures` counts what the error policy saw, for operators."""

    plugin: str
    function: Callable[..., Any]
    code: CodeType | None = None
    """The plugin's own code, by which a traceback is read."""
    failures: int = 0
    calls: int = 0
    seconds: float = 0.0
    """How often it was called and how long that took, counted while somebody measures; see `measuring`."""


@dataclass(slots=True)
class Step:
    """One hook, frozen: its declared behaviour and its implementations in the plugins' order."""

    spec: Spec
    calls: tuple[Call, ...] = ()
    limit: float = 0.0
    on_failure: Callable[[PluginFailed], None] = field(default=lambda failure: None)
    order: Mapping[str, int] = field(default_factory=dict)
    """Every plugin's place in the list, whether it implements this hook or not."""

    def __bool__(self) -> bool:
        return bool(self.calls)

    def failed(self, call: Call, error: Exception) -> None:
        """Apply the hook's policy to an implementation that raised: closed raises PluginFailed, open logs."""
        failure = self.failure(call, error)
        if self.spec.closed:
            raise failure from error

    def failure(self, call: Call, error: Exception) -> PluginFailed:
        """Count, log and tell of an implementation's failure, whatever the policy."""
        call.failures += 1
        timed_out = isinstance(error, TimeoutError) and self.limit
        why = f"took longer than {self.limit:g} s" if timed_out else type(error).__name__
        failure = PluginFailed(call.plugin, self.spec.name, why)
        log.error("%s", failure, exc_info=error)
        self.on_failure(failure)
        return failure

    def blame(self, error: Exception) -> PluginFailed | None:
        """The failure of the implementation whose code raised, found by the innermost frame that belongs to one;
        None when none of them did."""
        codes = {call.code: call for call in self.calls}
        culprit: Call | None = None
        trace = error.__traceback__
        while trace is not None:
            culprit = codes.get(trace.tb_frame.f_code, culprit)
            trace = trace.tb_next
        return self.failure(culprit, error) if culprit else None

    async def each(self, *args: Any) -> None:
        """Run every implementation in order."""
        for call in self.calls:
            try:
                await bounded(call.function(*args), self.limit)
            except _ANSWERS:
                raise
            except Exception as error:
                self.failed(call, error)

    async def first(self, *args: Any) -> tuple[Any, str]:
        """The first answer other than None with its plugin's name, or (None, "")."""
        for call in self.calls:
            try:
                answer = await bounded(call.function(*args), self.limit)
            except _ANSWERS:
                raise
            except Exception as error:
                self.failed(call, error)
            else:
                if answer is not None:
                    return answer, call.plugin
        return None, ""

    async def ask(self, plugin: str, *args: Any) -> Any:
        """The answer of one plugin's implementation only; None when it has none."""
        for call in self.calls:
            if call.plugin == plugin:
                return (await Step(self.spec, (call,), self.limit, self.on_failure, self.order).first(*args))[0]
        return None

    def first_now(self, *args: Any) -> Any:
        """`first` for a synchronous hook."""
        for call in self.calls:
            try:
                answer = call.function(*args)
            except _ANSWERS:
                raise
            except Exception as error:
                self.failed(call, error)
            else:
                if answer is not None:
                    return answer
        return None

    def each_now(self, *args: Any) -> None:
        """`each` for a synchronous hook."""
        for call in self.calls:
            try:
                call.function(*args)
            except _ANSWERS:
                raise
            except Exception as error:
                self.failed(call, error)

    def gather(self, *args: Any) -> list[tuple[str, Any]]:
        """What every implementation returned, with its plugin's name, in order."""
        gathered = []
        for call in self.calls:
            try:
                gathered.append((call.plugin, call.function(*args)))
            except _ANSWERS:
                raise
            except Exception as error:
                self.failed(call, error)
        return gathered

    def wrap(self, exchange: Any, events: AsyncIterator[Any], above: str = "") -> list[AsyncIterator[Any]]:
        """Nest the implementations around `events`; the layers, innermost first. With `above` only those of
        plugins listed before that one."""
        layers = [events]
        for call in reversed(self.calls_above(above)):
            try:
                layers.append(call.function(exchange, layers[-1]))
            except Exception as error:
                self.failed(call, error)
        return layers

    def calls_above(self, plugin: str) -> tuple[Call, ...]:
        """The implementations listed before a plugin; all of them when it is empty."""
        if not plugin:
            return self.calls
        return tuple(call for call in self.calls if self.order[call.plugin] < self.order[plugin])


class Chain(dict[str, Step]):
    """Every hook of one configuration, frozen. `chain["admit"]` is its step; plugin-defined hooks included. A step
    without `calls` has nothing to do, and costs nothing to those who look."""

    def __init__(
        self,
        plugins: Sequence[tuple[str, object]],
        *,
        limits: Mapping[str, float] | None = None,
        on_failure: Callable[[PluginFailed], None] = lambda failure: None,
    ) -> None:
        """Register the plugins in their listed order and freeze. Raises ConfigError on an implementation of an
        unknown hook, with unknown arguments, of the wrong kind of function, or with pluggy's ordering options."""
        super().__init__()
        self.plugins = tuple(plugins)
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(hooks)
        specs = _specs(hooks)
        order = {name: position for position, (name, _) in enumerate(plugins)}
        for name, plugin in plugins:
            if own := getattr(plugin, "hookspecs", None):
                manager.add_hookspecs(own)
                if twice := specs.keys() & _specs(own).keys():
                    raise ConfigError(f"plugin {name} defines the hook {sorted(twice)[0]}, which exists already")
                specs |= _specs(own)
        for unknown in set(limits or {}) - specs.keys():
            raise ConfigError("there is no such hook", path=f"server.hooks.{unknown}")
        for name, plugin in reversed(plugins):
            _register(manager, name, plugin, specs)
        for spec in specs.values():
            implementations = getattr(manager.hook, spec.name).get_hookimpls()
            ordered = sorted(implementations, key=lambda i: order[i.plugin_name])
            if spec.kind == "reverse":
                ordered.reverse()
            limit = (limits or {}).get(spec.name, spec.limit)
            calls = tuple(Call(i.plugin_name, _bind(i, spec), getattr(i.function, "__code__", None)) for i in ordered)
            self[spec.name] = Step(spec, calls, limit, on_failure, order)

    def steps(self) -> Mapping[str, Step]:
        """Every step by hook name: the core's in the journey's order, then the plugins' own."""
        return self


def _specs(module: Any) -> dict[str, Spec]:
    declared = (getattr(value, "tollhouse_step", None) for value in vars(module).values())
    return {spec.name: spec for spec in declared if spec is not None}


def _register(manager: pluggy.PluginManager, name: str, plugin: object, specs: Mapping[str, Spec]) -> None:
    for attribute in dir(type(plugin)):
        options = getattr(getattr(type(plugin), attribute, None), f"{PROJECT}_impl", None)
        if options is None:
            continue
        if attribute not in specs:
            raise ConfigError(
                f"plugin {name} implements the hook {attribute}, which nobody defines;",
                hint=did_you_mean(attribute, specs, what="Hooks"),
            )
        for option in ("wrapper", "hookwrapper", "tryfirst", "trylast"):
            if options.get(option):
                raise ConfigError(
                    f"plugin {name} marks {attribute} with {option}; the order comes from gateway.toml alone"
                )
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise ConfigError(f"plugin {name} does not fit the hooks: {error}") from error


def _bind(implementation: Any, spec: Spec) -> Callable[..., Any]:
    """The implementation as a function of all the hook's arguments; what it left out is dropped."""
    function, name = implementation.function, implementation.plugin_name
    is_async = inspect.iscoroutinefunction(function)
    if spec.kind != "wrap" and not spec.sync and not is_async:
        raise ConfigError(f"plugin {name}: the hook {spec.name} must be an `async def`")
    if (spec.sync or spec.kind == "wrap") and is_async:
        wanted = "an async generator (`async def` with `yield`)" if spec.kind == "wrap" else "a plain `def`"
        raise ConfigError(f"plugin {name}: the hook {spec.name} must be {wanted}")
    taken = tuple(implementation.argnames)
    if taken == spec.args:
        return function  # type: ignore[no-any-return]
    picks = tuple(spec.args.index(argument) for argument in taken)
    return lambda *args: function(*(args[pick] for pick in picks))
