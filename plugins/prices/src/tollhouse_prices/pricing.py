"""The layers of a target's price, later ones above: a public list, patterns from wide to narrow, its own entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tollhouse import Rates, Target
from tollhouse.config.patterns import allows
from tollhouse.config.problems import Problems, join
from tollhouse.config.suggest import did_you_mean

from .card import Card
from .settings import PricesSettings, Terms
from .vendors import NONE, vendor_of

if TYPE_CHECKING:
    from tollhouse.config import Bound

    from .listed import Lists


@dataclass(frozen=True, slots=True)
class Layer:
    """What one layer says of a target. `card` is the list's own card, `terms` an entry of gateway.toml; neither when
    the layer knows nothing, and `words` say why."""

    words: str
    card: Card | None = None
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """A target's layers, lowest first, the card they make, and its rates if it is complete."""

    layers: Sequence[Layer]
    card: Card
    rates: Rates | None


class Pricing:
    """The prices of one configuration."""

    def __init__(self, settings: PricesSettings, bound: Bound, lists: Lists | None) -> None:
        """Check the settings against the providers; raises ConfigError. Without `lists` no public one counts."""
        self._lists = lists
        self._vendors: dict[str, tuple[str, str]] = {}
        providers = bound.config.providers
        check(settings, list(providers), lists)
        for name, provider in providers.items():
            if lists is None:
                self._vendors[name] = "", "public lists are switched off"
            elif said := settings.lists.get(name):
                self._vendors[name] = ("" if said == NONE else said), f"prices.lists.{name}"
            else:
                base_url = str(getattr(bound.providers[name], "base_url", "") or "")
                self._vendors[name] = vendor_of(provider.kind, base_url, lists.vendors)
        self._terms = sorted(settings.targets.items(), key=lambda entry: breadth(entry[0]))

    def rates(self, target: Target, at: float) -> Rates | None:
        """The rate card of a target at a unix time; None when no layer knows its price."""
        return self.priced(target, at).rates

    def priced(self, target: Target, at: float) -> Priced:
        """A target's price with its layers."""
        entries = [(pattern, terms) for pattern, terms in self._terms if allows((pattern,), target.name)]
        service = next((terms.service for _, terms in reversed(entries) if terms.service), None)
        lowest = self._listed(target, service, datetime.fromtimestamp(at, UTC))
        layers, card = [lowest], lowest.card
        card = Card() if card is None else _copy(card)
        card.came_from("layer 1")
        for number, (pattern, terms) in enumerate(entries, 2):
            layers.append(Layer(join("prices.targets", pattern), terms=terms))
            card.apply(terms, f"layer {number}")
        told = [layer.words for layer in layers if layer.card or layer.terms]
        return Priced(layers, card, card.rates("; ".join(told)))

    def _listed(self, target: Target, service: str | None, at: datetime) -> Layer:
        vendor, why = self._vendors.get(target.provider, ("", f"no provider is called {target.provider:.200}"))
        if self._lists is None or not vendor:
            return Layer(why)
        card, words = self._lists.card(vendor, target.model, service, at)
        return Layer(words, card)


def breadth(pattern: str) -> tuple[bool, int]:
    """How a pattern sorts: wide ones first, those without `*` last."""
    return "*" not in pattern, len(pattern.replace("*", ""))


def check(settings: PricesSettings, providers: Sequence[str], lists: Lists | None) -> None:
    """Raise ConfigError for terms and lists of providers that do not exist, and for lists that do not."""
    problems = Problems()
    for pattern in settings.targets:
        path = join("prices.targets", pattern)
        provider, slash, model = pattern.partition("/")
        if "*" not in pattern and not (slash and model):
            problems.add('is not "provider/model".', path=path, hint="`*` stands for anything, also for the slash.")
        elif slash and "*" not in provider and provider not in providers:
            problems.add("no provider of this name.", path=path, hint=did_you_mean(provider, providers))
    for name, said in settings.lists.items():
        path = join("prices.lists", name)
        if name not in providers:
            problems.add("no provider of this name.", path=path, hint=did_you_mean(name, providers))
        elif lists is None:
            problems.add("public lists are switched off.", path=path, hint="Drop this, or public = false.")
        elif said not in (*lists.vendors, NONE):
            problems.add(f'"{said}" has no price list.', path=path, hint=did_you_mean(said, [*lists.vendors, NONE]))
    problems.check()


def _copy(card: Card) -> Card:
    return Card(
        dict(card.base),
        {above: dict(tier) for above, tier in card.tiers.items()},
        card.request,
        card.max_output,
        card.until,
        card.beside,
    )
