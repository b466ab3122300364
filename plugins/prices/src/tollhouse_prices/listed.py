"""The public price lists of genai-prices (https://github.com/pydantic/genai-prices), read as rate cards.

Importing them takes most of a second: only `startup` and the command do, off the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .card import Card
from .vendors import Vendor

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice

NAMES = {
    "input": ("input_mtok", "input_text_mtok"),
    "cache_read": ("cache_read_mtok", "cache_text_read_mtok"),
    "cache_write": ("cache_write_5m_mtok", "cache_write_mtok", "cache_text_write_mtok"),
    "cache_write_1h": ("cache_write_1h_mtok", "cache_text_write_1h_mtok"),
    "input_audio": ("input_audio_mtok",),
    "output": ("output_mtok", "output_text_mtok"),
    "reasoning": ("output_reasoning_mtok", "output_text_reasoning_mtok"),
    "output_audio": ("output_audio_mtok",),
}
"""The lists' keys of a bucket, the first that is there counts."""

DEARER = ("output_image_mtok", "output_video_mtok")
"""What a bucket of `output` may also be made of: usage does not tell images from words, so the dearest counts."""

LONGEST = 200
"""Characters of the longest model name that is looked for."""

CONTEXTS = {
    "batch": {"processing": "batch"},
    "default": {"service_tier": "default"},
    "fast": {"service_tier": "fast", "speed": "fast"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""How the lists say a service tier."""


class Lists:
    """The lists, loaded."""

    def __init__(self) -> None:
        from genai_prices.data_snapshot import get_snapshot

        self._all = get_snapshot().providers
        self._by_id = {vendor.id: vendor for vendor in self._all}
        self.title = f"genai-prices {version('genai-prices')}"

    @property
    def vendors(self) -> Mapping[str, Vendor]:
        """Whose lists there are, by the id of each."""
        return self._by_id

    def card(self, vendor: str, model: str, service: str | None, at: datetime) -> tuple[Card | None, str]:
        """The card of a model at an instant, and in words which entry it is or why there is none."""
        provider = self._by_id[vendor]
        # Not by the snapshot's own search, which remembers every name it was ever asked for.
        info = provider.find_model(model, all_providers=self._all) if len(model) <= LONGEST else None
        if info is None:
            return None, f"{self.title}: {vendor} lists no model like {model:.{LONGEST}}"
        where = f"{self.title}: {vendor}, {info.id}"
        own = any(info is one for one in provider.models)
        context = CONTEXTS[service] if service is not None and own else None
        if service not in (None, "default") and not (own and offers(info, CONTEXTS[service or ""])):
            return None, f"{where} has no prices for the service tier {service}"
        card = card_of(info.get_prices(at, context))
        if card is None:
            return None, f"{where} has no price for tokens"
        card.until = min(changes(info, at), default=None)
        return card, where + (f", {service}" if service else "") + since(info, at)


def offers(info: ModelInfo, context: Mapping[str, str]) -> bool:
    """Whether a model has prices of its own for a service tier."""
    return any(variant.when.items() <= context.items() for variant in info.price_variants or ())


def card_of(prices: ModelPrice) -> Card | None:
    """A price entry as a card; None for what is not sold by the token."""
    said = {key: price for key, price in vars(prices).items() if price is not None}
    columns: dict[str, list[Any]] = {}
    for bucket, names in NAMES.items():
        column = next((said.pop(name) for name in names if name in said), None)
        if column is not None:
            columns[bucket] = [column]
    if "input" not in columns:
        return None
    # Models without output, such as those for embeddings, list none; if one ever has some, it is not free.
    columns.setdefault("output", columns["input"])
    columns["output"] += [said.pop(name) for name in DEARER if name in said]
    starts = {tier.start for column in columns.values() for price in column for tier in getattr(price, "tiers", ())}
    fee = said.pop("requests_kcount", Decimal(0))
    return Card(
        base={bucket: dearest(column, 0) for bucket, column in columns.items()},
        tiers={start: {bucket: dearest(column, start + 1) for bucket, column in columns.items()} for start in starts},
        request=fee / 1000 if isinstance(fee, Decimal) else fee.base / 1000,
        beside=tuple(sorted(said)),
    )


def dearest(column: list[Any], total_input: int) -> Decimal:
    """The highest of some prices at so many input tokens."""
    return max(price_at(price, total_input) for price in column)


def price_at(price: Any, total_input: int) -> Decimal:
    """A price, or the one of a tiered price that holds above its highest start below `total_input`."""
    if isinstance(price, Decimal):
        return price
    reached: list[Decimal] = [tier.price for tier in price.tiers if total_input > tier.start]
    return reached[-1] if reached else price.base


def since(info: ModelInfo, at: datetime) -> str:
    """When the prices that hold began, in words; empty when they always held."""
    if not isinstance(info.prices, list):
        return ""
    starts = [begin for one in info.prices if (begin := getattr(one.constraint, "start_date", None))]
    held = [begin for begin in starts if begin <= at.date()]
    return f", since {max(held)}" if held else ""


def changes(info: ModelInfo, at: datetime) -> Iterator[float]:
    """Unix seconds after `at` at which the prices may change: a date that comes, or an hour of the day."""
    constraints = [one.constraint for one in info.prices] if isinstance(info.prices, list) else []
    constraints += [one.constraint for one in info.price_variants or ()]
    for constraint in constraints:
        begin = getattr(constraint, "start_date", None)
        if begin is not None and begin > at.date():
            yield midnight(begin).timestamp()
        for name in ("start_time", "end_time"):
            hour: clock | None = getattr(constraint, name, None)
            if hour is not None:
                today = datetime.combine(at.date(), hour if hour.tzinfo else hour.replace(tzinfo=UTC))
                yield next(day.timestamp() for n in (-1, 0, 1, 2) if (day := today + timedelta(days=n)) > at)


def midnight(day: date) -> datetime:
    """The instant a UTC day begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
