"""What operators may read: every model's strategy, and how its targets stand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from tollhouse.edition import Edition
from tollhouse.front.response import whole
from tollhouse.target import Target

from .settings import PLUGIN, Policy
from .state import State

Send = Callable[[Any], Awaitable[None]]


async def routes(send: Send, edition: Edition, state: State, said: Callable[[Any], Policy], decay: float) -> None:
    """Answer with all models, in the file's order."""
    now = edition.gateway.clock.monotonic()
    models = [
        {
            "model": name,
            **_policy(said(edition.levels.merged(PLUGIN, model=name, team="", key=""))),
            "targets": [
                target(edition, state, Target(one.provider, one.model, one.weight), now, decay) for one in model.targets
            ],
        }
        for name, model in edition.config.models.items()
    ]
    await whole(send, 200, {"content-type": "application/json"}, msgspec.json.encode({"routes": models}))


def _policy(policy: Policy) -> dict[str, Any]:
    shown: dict[str, Any] = {"strategy": policy.strategy, "rules": [name for name, _ in policy.rules]}
    if policy.strategy == "canary":
        shown |= {"to": policy.to, "percent": policy.percent}
    return shown


def target(edition: Edition, state: State, one: Target, now: float, decay: float) -> dict[str, Any]:
    """One target: seconds, USD per million tokens, shares from 0 to 1; null for what is not known."""
    standing = state.targets.get(one.name)
    rates = edition.rates(one)
    card = rates.card(0) if rates else None
    shown: dict[str, Any] = {
        "target": one.name,
        "weight": one.weight,
        "in_flight": standing.in_flight if standing else 0,
        "first_token": None,
        "output_token": None,
        "whole": None,
        "quota_left": None,
        "quota": {},
        "input_price": float(card["input"]) if card else None,
        "output_price": float(card["output"]) if card else None,
    }
    if standing is not None:
        shown["first_token"] = standing.first.now(now, decay)
        shown["output_token"] = standing.each.now(now, decay)
        shown["whole"] = standing.whole.now(now, decay)
        known = {what: quota for what, quota in standing.quota.items() if quota.until > now}
        shown["quota"] = {
            what: {"remaining": quota.remaining, "limit": quota.limit, "resets_in": quota.until - now}
            for what, quota in known.items()
        }
        shown["quota_left"] = standing.left(1, now) if known else None
    return shown
