"""What spans say of an exchange and its attempts: OpenTelemetry's HTTP and GenAI conventions, and words of our own.

No attribute holds an error's text: upstreams may echo what they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.trace import Span, SpanKind, StatusCode
from tollhouse import Attempt, Exchange
from tollhouse.rates import NANO

OPERATIONS = {"embed": "embeddings", "complete": "text_completion"}
"""What the conventions call our tasks; `chat` is its own name."""
VENDORS = {"gemini": "gcp.gemini", "bedrock": "aws.bedrock"}
"""What they call kinds of providers that have another name there."""

_USAGE = (
    ("gen_ai.usage.input_tokens", ("input", "cache_read", "cache_write", "cache_write_1h", "input_audio")),
    ("gen_ai.usage.output_tokens", ("output", "reasoning", "output_audio")),
    ("gen_ai.usage.cache_read.input_tokens", ("cache_read",)),
    ("gen_ai.usage.cache_creation.input_tokens", ("cache_write", "cache_write_1h")),
    ("gen_ai.usage.reasoning.output_tokens", ("reasoning",)),
)


def nanoseconds(exchange: Exchange, monotonic: float) -> int:
    """A moment of the exchange in unix nanoseconds."""
    return int((exchange.started_at + monotonic - exchange.started) * 1e9)


def server(exchange: Exchange) -> tuple[str, SpanKind]:
    """Name and kind of an exchange's span."""
    if exchange.origin.startswith("submit:"):
        return "submit", SpanKind.INTERNAL
    return f"{exchange.method} {exchange.route.path}", SpanKind.SERVER


def client(exchange: Exchange, attempt: Attempt) -> str:
    """Name of an attempt's span."""
    return f"{operation(exchange)} {attempt.target.model}".rstrip()


def operation(exchange: Exchange) -> str:
    """What is done, in the conventions' words."""
    return OPERATIONS.get(exchange.task, exchange.task)


def ended(span: Span, exchange: Exchange) -> None:
    """Say how an exchange went."""
    principal, target, outcome = exchange.principal, exchange.target, exchange.outcome or "failed"
    said: dict[str, Any] = {
        "http.request.method": exchange.method,
        "http.route": exchange.route.path,
        "http.response.status_code": exchange.status,
        "gen_ai.request.model": exchange.model[:200],
        "tollhouse.id": exchange.id,
        "tollhouse.request_id": exchange.request_id,
        "tollhouse.dialect": exchange.dialect.name,
        "tollhouse.outcome": outcome,
        "tollhouse.attempts": len(exchange.attempts),
        "tollhouse.key": principal.key,
        "tollhouse.team": principal.team,
        "tollhouse.target": target.name[:200] if target else "",
        "tollhouse.cost_usd": None if exchange.cost is None else exchange.cost / NANO,
        "tollhouse.saved_usd": exchange.saved / NANO if exchange.saved else None,
        "tollhouse.notes": [f"{who}: {words}"[:300] for who, words in exchange.notes[:50]],
        "gen_ai.request.stream": exchange.request.stream if exchange.request is not None else None,
    }
    for plugin, word in exchange.labels.items():
        said[f"tollhouse.plugin.{plugin}"] = word[:100]
    if outcome in ("failed", "rejected"):
        said["error.type"] = _kind(exchange.error)
    if outcome == "failed":
        span.set_status(StatusCode.ERROR)
    span.set_attributes(_there(said))


def attempted(span: Span, exchange: Exchange, attempt: Attempt) -> None:
    """Say how an attempt went."""
    target = attempt.target
    kind = exchange.edition.config.providers[target.provider].kind
    said: dict[str, Any] = {
        "gen_ai.operation.name": operation(exchange),
        "gen_ai.provider.name": VENDORS.get(kind, kind),
        "gen_ai.request.model": target.model[:200],
        "gen_ai.request.stream": attempt.request.stream,
        "gen_ai.request.max_tokens": attempt.request.max_output,
        "http.response.status_code": attempt.status or None,
        "tollhouse.provider": target.provider,
        "tollhouse.attempt.number": attempt.number,
        "tollhouse.attempt.state": attempt.state,
        "tollhouse.cost_usd": None if attempt.cost is None else attempt.cost / NANO,
    }
    if attempt.content_at is not None and attempt.request.stream:
        said["gen_ai.response.time_to_first_chunk"] = attempt.content_at - attempt.started_at
    if attempt.usage is not None:
        said["tollhouse.usage_source"] = attempt.usage.source
        buckets = attempt.usage.buckets()
        for name, parts in _USAGE:
            if any(part in buckets for part in parts):
                said[name] = sum(buckets.get(part, 0) for part in parts)
    if attempt.state == "failed":
        said["error.type"] = _kind(attempt.error)
        span.set_status(StatusCode.ERROR)
    span.set_attributes(_there(said))


def _kind(error: BaseException | None) -> str:
    """The class of an error in a stable word of our own."""
    return str(getattr(error, "kind", None) or getattr(error, "code", None) or type(error).__name__)[:100]


def _there(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None and value != "" and value != []}
