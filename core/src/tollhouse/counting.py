"""Counts of tokens, which only a provider of the caller's own dialect can give."""

from __future__ import annotations

from .attempt import Attempt
from .errors import Rejected, Skip
from .exchange import Exchange


def require_own_dialect(exchange: Exchange, attempt: Attempt, dialect: str, owner: str) -> None:
    """For a dialect's `dispatch`: lets its counts pass only to a target that speaks it. Raises `Skip` for another
    target while the plan has one that does, else `Rejected` (400, `not_countable`). `owner` is whose dialect it is,
    in words for people: `Anthropic`."""
    if exchange.task != "count" or exchange.dialect.name != dialect:
        return
    if attempt.dialect is not None and attempt.dialect.name == dialect:
        return
    providers, plan = exchange.edition.providers, exchange.plan
    if plan is not None and any(dialect in providers[target.provider].speaks for target in plan.targets):
        raise Skip(f"its provider counts no tokens in {owner}'s way")
    raise Rejected(
        f"Tokens of the model `{exchange.model[:100]}` cannot be counted: no provider of it speaks {owner}'s "
        "dialect. Estimate them, or ask for a model that one provides.",
        code="not_countable",
        param="model",
    )
