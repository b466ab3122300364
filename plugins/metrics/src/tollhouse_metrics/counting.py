"""From events to series: what each event counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tollhouse import Target, events
from tollhouse.edition import Edition
from tollhouse.events import Event
from tollhouse.rates import NANO
from tollhouse.usage import BUCKETS

from . import families
from .book import Book
from .words import OTHER, Words, stem, teams

OPERATIONS = {"embed": "embeddings", "complete": "text_completion"}
"""What OpenTelemetry calls our tasks; `chat` is its own name, and others have none of theirs."""

_INPUT = frozenset(bucket for bucket in BUCKETS if bucket.startswith(("input", "cache")))


class Counting:
    """Hears every event of a process, in the requests' own time."""

    def __init__(self, book: Book, limit: int, *, by_team: bool) -> None:
        self.book, self.by_team = book, by_team
        self._models = Words(limit, closed=True)
        self._providers = Words(limit, closed=True)
        self._target_models = Words(limit, closed=True)
        self._plugins = Words(limit)
        self._words = {name: Words(limit) for name in ("dialect", "task", "code", "error", "hook", "phase", "result")}
        self._teams = teams(limit)
        self._targets: dict[str, tuple[str, str]] = {}
        self._edition: Edition | None = None
        self._under_way: dict[str, tuple[str, str, bool]] = {}
        self._hears: dict[type[Event], Callable[[Any], None]] = {
            events.RequestStarted: self._started,
            events.AttemptEnded: self._attempt,
            events.RequestEnded: self._ended,
            events.DemandRefused: self._refused,
            events.TargetDown: self._down,
            events.TargetUp: self._up,
            events.PluginError: self._failed,
            events.StoreChanged: self._store,
            events.ConfigReloaded: self._reloaded,
            events.ConfigRefused: self._not_reloaded,
        }

    def learn(self, edition: Edition) -> None:
        """Take the names of a configuration for labels; every target it names is up until somebody says otherwise."""
        config, self._edition = edition.config, edition
        self._models.allow(config.models)
        self._providers.allow(config.providers)
        self._plugins.allow(one.name for one in edition.plugged)
        self._words["dialect"].allow(edition.dialects)
        for model in config.models.values():
            for one in model.targets:
                self._target_models.allow([one.model])
                name = f"{one.provider}/{one.model}"
                if name not in self._targets:
                    self._targets[name] = (self._providers(one.provider), self._target_models(one.model))
                    self.book.set(families.TARGET_UP, self._targets[name], 1e-9)

    def hear(self, event: Event) -> None:
        """One event."""
        heard = self._hears.get(type(event))
        if heard is not None:
            heard(event)

    def _target(self, name: str) -> tuple[str, str]:
        known = self._targets.get(name)
        return known or (self._providers(name.partition("/")[0]), OTHER)

    def _started(self, event: events.RequestStarted) -> None:
        operation = self._words["task"](OPERATIONS.get(event.task, event.task))
        self._under_way[event.id] = (self._models(event.model), operation, event.stream)

    def _attempt(self, event: events.AttemptEnded) -> None:
        model, operation, stream = self._under_way.get(event.id, ("", "", False))
        provider, upstream = self._target(event.target)
        target, genai = (model, provider, upstream), (operation, provider, upstream)
        book = self.book
        error = self._words["error"](event.error)
        book.add(families.ATTEMPTS, (*target, event.state, error))
        book.observe(families.OPERATION_SECONDS, (*genai, error), event.seconds)
        tokens = event.tokens
        if tokens:
            for bucket, count in tokens.items():
                book.add(families.TOKENS_TOTAL, (*target, bucket), count)
            entered = sum(count for bucket, count in tokens.items() if bucket in _INPUT)
            left = sum(tokens.values()) - entered
            book.observe(families.TOKEN_USAGE, (*genai, "input"), entered)
            if left:
                book.observe(families.TOKEN_USAGE, (*genai, "output"), left)
            if stream and event.state == "won" and event.first_content is not None and left > 1:
                book.observe(families.TIME_PER_TOKEN, genai, (event.seconds - event.first_content) / (left - 1))
        if event.cost is None:
            book.add(families.UNPRICED, target)
        elif event.cost:
            for bucket, usd in self._costs(event, event.cost / NANO).items():
                book.add(families.COST, (*target, bucket), usd)
        if stream and event.first_content is not None:
            book.observe(families.TIME_TO_FIRST, genai, event.first_content)

    def _costs(self, event: events.AttemptEnded, usd: float) -> dict[str, float]:
        """What an attempt cost, by bucket, by the rate card it was priced with; the rest is `request`."""
        provider, _, model = event.target.partition("/")
        rates = self._edition.rates(Target(provider, model)) if self._edition else None
        if rates is None:
            return {"request": usd}
        entered = sum(count for bucket, count in event.tokens.items() if bucket in _INPUT)
        shares = {
            bucket: float(rates.rate(bucket, entered)) * count / 1e6 for bucket, count in event.tokens.items() if count
        }
        if rates.request_usd:
            shares["request"] = float(rates.request_usd)
        return {bucket: share for bucket, share in shares.items() if share}

    def _ended(self, event: events.RequestEnded) -> None:
        self._under_way.pop(event.id, None)
        book, words = self.book, self._words
        model, status = self._models(event.model), f"{event.status // 100}xx"
        task = words["task"](event.task)
        book.add(families.REQUESTS, (model, words["dialect"](event.dialect), task, event.outcome, status))
        book.observe(families.REQUEST_SECONDS, (model, event.outcome), event.seconds)
        if event.stream and event.first_content is not None:
            book.observe(families.FIRST_CONTENT, (model,), event.first_content)
        if event.code:
            book.add(families.ERRORS, (words["code"](event.code),))
        for phase, seconds in event.phases.items():
            book.add(families.PHASES, (words["phase"](phase),), seconds)
        if event.saved:
            book.add(families.SAVED, (model,), event.saved / NANO)
        for plugin, said in event.labels.items():
            book.add(families.RESULTS, (self._plugins(plugin), words["result"](stem(said))))
        if self.by_team:
            team = self._teams(event.team)
            book.add(families.TEAM_REQUESTS, (team, event.outcome))
            for bucket, count in event.tokens.items():
                book.add(families.TEAM_TOKENS, (team, bucket), count)
            book.add(families.TEAM_COST, (team,), (event.cost or 0) / NANO)

    def _refused(self, event: events.DemandRefused) -> None:
        plugin = self._plugins(event.key.partition(":")[0])
        self.book.add(families.REFUSED, (plugin, "true" if event.shadow else "false"))

    def _down(self, event: events.TargetDown) -> None:
        self.book.set(families.TARGET_UP, self._target(event.target), -event.at)

    def _up(self, event: events.TargetUp) -> None:
        self.book.set(families.TARGET_UP, self._target(event.target), event.at)

    def _failed(self, event: events.PluginError) -> None:
        self.book.add(families.PLUGIN_ERRORS, (self._plugins(event.plugin), self._words["hook"](event.hook)))

    def _store(self, event: events.StoreChanged) -> None:
        self.book.set(families.STORE_UP, (), float(event.up))

    def _reloaded(self, event: events.ConfigReloaded) -> None:
        self.book.set(families.EDITION, (), float(event.edition))
        self.book.add(families.RELOADS, ("done",))

    def _not_reloaded(self, event: events.ConfigRefused) -> None:
        self.book.add(families.RELOADS, ("refused",))
