"""A target's price in words: layers, card, example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from tollhouse import Rates, Target, Usage
from tollhouse.config.spoken import plain
from tollhouse.rates import NANO, PARENTS
from tollhouse.usage import BUCKETS

from .card import Card
from .pricing import Layer, Priced
from .settings import Terms


def explained(target: Target, priced: Priced, usage: Usage) -> str:
    """All there is to say."""
    lines = [target.name, "", "Layers, later ones win:"]
    for number, layer in enumerate(priced.layers, 1):
        lines += [f"  {number}. {layer.words}", *(f"     {line}" for line in said(layer))]
    lines.append("")
    if priced.rates is None:
        lines.append("No price: its calls are booked as unpriced. Say what it costs, or that it is free:")
        lines += [
            "  [prices.targets]",
            f'  "{target.name}" = {{ input = 1.0, output = 2.0 }}   # USD per million tokens',
        ]
        return "\n".join(lines)
    lines += ["USD per million tokens:", *card(priced.card, priced.rates), "", *example(priced.rates, usage)]
    return "\n".join(lines)


def said(layer: Layer) -> list[str]:
    """What a layer says, in short lines."""
    if layer.card is not None:
        lines = [pairs(layer.card.base)]
        lines += [f"above {above:,} input tokens: {pairs(tier)}" for above, tier in sorted(layer.card.tiers.items())]
        lines += [f"{plain(layer.card.request)} USD per request"] if layer.card.request else []
        lines += [f"not counted: {', '.join(layer.card.beside)}"] if layer.card.beside else []
        return lines
    return [] if layer.terms is None else terms_said(layer.terms)


def terms_said(terms: Terms) -> list[str]:
    """What an entry of gateway.toml says."""
    lines = ["free"] if terms.free else []
    lines += [f"{terms.discount.spoken()} off all of the above"] if terms.discount is not None else []
    lines += [f"used with the service tier {terms.service}"] if terms.service else []
    lines += [pairs(terms.said())] if terms.said() else []
    lines += [f"above {tier.above:,} input tokens: {pairs(tier.said())}" for tier in terms.tiers]
    lines += [f"{terms.usd_per_request.spoken()} USD per request"] if terms.usd_per_request is not None else []
    lines += [f"at most {terms.max_output:,} output tokens"] if terms.max_output is not None else []
    return lines


def pairs(prices: Mapping[str, Decimal]) -> str:
    """Buckets and prices on one line."""
    return "  ".join(f"{bucket} {plain(Decimal(prices[bucket]))}" for bucket in BUCKETS if bucket in prices)


def card(made: Card, rates: Rates) -> list[str]:
    """The finished card as a table: a row a bucket, a column a tier, and who said it."""
    starts = [0, *(tier.above for tier in rates.tiers)]
    head = ["", *(["price"] if len(starts) == 1 else [f"up to {starts[1]:,}", *(f"above {n:,}" for n in starts[1:])])]
    rows = []
    for bucket in BUCKETS:
        known = bucket in made.origins or any(bucket in tier.usd_per_million for tier in rates.tiers)
        prices = [plain(rates.rate(bucket, start + 1 if start else 0)) for start in starts]
        rows.append([bucket, *prices, made.origins.get(bucket, "") if known else f"as {PARENTS[bucket]}"])
    lines = table([[*head, "from"], *rows], len(starts))
    if rates.request_usd:
        lines.append(f"  and {plain(rates.request_usd)} USD per request, from {made.origins.get('request', '')}")
    if made.until is not None:
        lines.append(f"  until {datetime.fromtimestamp(made.until, UTC):%Y-%m-%d %H:%M} UTC")
    return lines


def example(rates: Rates, usage: Usage) -> list[str]:
    """A worked example, and what the ledger would say."""
    counts = usage.buckets()
    rows = []
    for bucket, count in counts.items():
        rate = rates.rate(bucket, usage.total_input)
        rows.append([bucket, f"{count:,}", "x", plain(rate), f"{Decimal(count) * rate / 1_000_000:.9f}"])
    if rates.request_usd:
        rows.append(["request", "1", "x", plain(rates.request_usd), f"{rates.request_usd:.9f}"])
    rows.append(["cost", "", "", "", f"{Decimal(rates.cost(usage)) / NANO:.9f}"])
    return ["For example, in USD:", *table(rows, 4)]


def table(rows: Sequence[Sequence[str]], numbers: int) -> list[str]:
    """Aligned lines: a word, then so many numbers to the right, then words."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if 0 < column <= numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
