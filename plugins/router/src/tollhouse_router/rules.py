"""Rules: which of them fits an exchange. They are tables of conditions; nothing in them is run."""

from __future__ import annotations

from collections.abc import Iterator

from tollhouse import Exchange
from tollhouse.config import allows
from tollhouse.neutral import Chat, Media, ToolResult

from .affinity import exchange_body
from .bounds import Bound
from .settings import Rule, When
from .state import State


def fitting(rules: tuple[tuple[str, Rule], ...], exchange: Exchange, state: State) -> tuple[str, Rule] | None:
    """The first rule all of whose conditions hold, with its name."""
    return next(((name, rule) for name, rule in rules if fits(rule.when, exchange, state)), None)


def fits(when: When, exchange: Exchange, state: State) -> bool:
    """Whether all conditions hold. What must be read from the body is looked at last."""
    return _by_caller(when, exchange) and _by_size(when, exchange, state) and _by_content(when, exchange)


def _by_caller(when: When, exchange: Exchange) -> bool:
    principal = exchange.principal
    named = (
        (when.model, exchange.model),
        (when.dialect, exchange.dialect.name),
        (when.task, exchange.task),
        (when.team, principal.team),
        (when.key, principal.key),
        (when.user, principal.user),
    )
    if not all(allows(patterns, word) for patterns, word in named):
        return False
    if when.tag is not None and not any(allows(when.tag, tag) for tag in principal.tags):
        return False
    headers = (when.header or {}).items()
    return all(
        (said := exchange.headers.get(name.lower())) is not None and allows((pattern,), said)
        for name, pattern in headers
    )


def _by_size(when: When, exchange: Exchange, state: State) -> bool:
    request = exchange.request
    if when.stream is not None and when.stream != request.stream:
        return False
    if when.input_tokens is not None and not _holds(when.input_tokens, exchange.tokens.input):
        return False
    if when.output_tokens is not None and not _holds(when.output_tokens, exchange.tokens.output):
        return False
    if when.choices is not None and not _holds(when.choices, request.n):
        return False
    if when.budget_left is None:
        return True
    left = state.budget_left(exchange)
    return left is not None and _holds(when.budget_left, left)


def _by_content(when: When, exchange: Exchange) -> bool:
    asked = (when.tools, when.images, when.audio, when.documents, when.schema, when.messages)
    if all(one is None for one in asked):
        return True
    body = exchange_body(exchange)
    kinds = set(_media(body)) if body and (when.images, when.audio, when.documents) != (None, None, None) else set()
    said = (
        (when.tools, bool(body and body.tools)),
        (when.images, "image" in kinds),
        (when.audio, "audio" in kinds),
        (when.documents, "document" in kinds),
        (when.schema, bool(body and body.format and body.format.kind == "schema")),
    )
    if any(wanted is not None and wanted != found for wanted, found in said):
        return False
    return when.messages is None or _holds(when.messages, len(body.messages) if body else 0)


def _media(body: Chat) -> Iterator[str]:
    for message in body.messages:
        for part in message.parts:
            for one in part.parts if isinstance(part, ToolResult) else (part,):
                if isinstance(one, Media):
                    yield one.kind


def _holds(bounds: tuple[Bound, ...], number: float) -> bool:
    return all(bound.holds(number) for bound in bounds)
