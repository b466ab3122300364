"""Messages for people: one short line of what happened, for Slack, Discord and mail."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from .letter import Letter

NANO = 1_000_000_000


def line(letter: Letter) -> str:
    """What a message says, in a sentence. Holds names that callers chose: escape it for where it goes."""
    data: dict[str, Any] = msgspec.json.decode(letter.body)["data"]
    match letter.type:
        case "request.completed" | "request.failed":
            return _request(letter.type, data)
        case "budget.threshold":
            return f"Budget {data['budget']} is at {data['percent']} %: {_of(data)} this {_period(data)}."
        case "budget.exhausted":
            passes = " Calls pass all the same." if data["shadow"] else ""
            return f"Budget {data['budget']} is used up: {_of(data)} this {_period(data)}.{passes}"
        case "limit.hit":
            verb = "would have refused" if data["shadow"] else "refused"
            return f"Limit {data['limit']} {verb} a request{_by(data)}."
        case "provider.down":
            until = f" until {_clock(data['until'])}" if data["until"] is not None else ""
            return f"{data['target']} is down{until}: {data['why'] or 'no reason was given'}."
        case "provider.up":
            return f"{data['target']} takes requests again."
        case "moderation.blocked":
            found = ", ".join(data["kinds"]) or data["check"]
            return f"Moderation rule {data['rule']} blocked a request{_by(data)}: {found}."
        case "key.created" | "key.rotated" | "key.revoked":
            done = {"created": "was made", "rotated": "has a new secret", "revoked": "was revoked"}
            return (
                f"Key {data['key']} {done[letter.type.partition('.')[2]]}{' by ' + data['by'] if data['by'] else ''}."
            )
        case "config.reloaded":
            return f"A new configuration serves (edition {data['edition']})."
        case "store.down":
            return f"The store does not answer: {data['why']}."
        case "store.up":
            return "The store answers again."
        case "webhook.failed":
            return f"Webhook {data['webhook']} did not take {data['about']}, which was given up: {data['why']}."
        case "webhook.disabled":
            return f"Webhook {data['webhook']} is disabled: {data['why']}."
        case _:
            return f"A test of webhook {data.get('webhook', '')}: it works."


def _request(type_: str, data: dict[str, Any]) -> str:
    what = f"{data['model'] or data['task']}" + (f" at {data['target']}" if data["target"] else "")
    cost = "unpriced" if data["cost"] is None else _usd(data["cost"])
    if type_ == "request.completed":
        return f"Request to {what}{_by(data)} took {data['seconds']:.1f} s and cost {cost}."
    why = data["code"] or f"status {data['status']}"
    return f"Request to {what}{_by(data)} {data['outcome']} ({why}) after {data['seconds']:.1f} s."


def _by(data: dict[str, Any]) -> str:
    who = [f"{name} {data[name]}" for name in ("key", "team") if data.get(name)]
    return f" of {', '.join(who)}" if who else ""


def _of(data: dict[str, Any]) -> str:
    return f"{_usd(data['spent'])} of {_usd(data['limit'])}"


def _period(data: dict[str, Any]) -> str:
    return data["period"] if data["period"] not in ("", "total") else "far"


def _usd(nano: int) -> str:
    text = f"{nano / NANO:,.2f}" if nano >= NANO // 100 or not nano else f"{nano / NANO:.6f}"
    return f"{text} USD"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M UTC}"
