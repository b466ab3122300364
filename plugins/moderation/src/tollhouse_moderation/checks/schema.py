"""Structured output: whether a reply fits the JSON Schema that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec
from tollhouse.neutral import Chat, Format

from ..contract import Direction, Finding, Subject
from ..settings import Rule

_LARGEST = 256 * 1024
"""Bytes of a schema that is read."""

_ERRORS = 3
"""Errors the model is told of."""


class Schema:
    """The caller's own schema, or the rule's. A reply that was asked for no structure is not judged."""

    on: tuple[Direction, ...] = ("output",)
    threshold = 1.0

    def __init__(self, rule: Rule) -> None:
        self._own = msgspec.json.encode(rule.schema) if rule.schema is not None else None
        if self._own is not None:
            try:
                _validator(self._own)
            except Exception as error:
                raise ValueError(f"schema: it is no JSON Schema: {str(error)[:200]}.") from None

    async def judge(self, subject: Subject) -> Sequence[Finding]:
        """A finding when the reply is no JSON, or does not fit. Raises for a schema that cannot be used."""
        return [Finding(0, len(subject.text), "SCHEMA")] if self._errors(subject) else []

    def correction(self, subject: Subject) -> str:
        """What is wrong, for the model to read."""
        return " ".join(self._errors(subject))

    def _errors(self, subject: Subject) -> list[str]:
        schema = self._own or _asked(subject)
        if schema is None:
            return []
        try:
            value = msgspec.json.decode(subject.text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            return [f"it is not JSON ({str(error)[:200]})."]
        if not schema:
            return [] if isinstance(value, dict) else ["it is not a JSON object."]
        errors = []
        for wrong in _validator(schema).iter_errors(value):
            at = "".join(f"[{step!r}]" for step in wrong.instance_path) or "the top"
            errors.append(f"At {at}: {wrong.message[:200]}.")
            if len(errors) == _ERRORS:
                break
        return errors


def _asked(subject: Subject) -> bytes | None:
    """The schema the caller asked for; empty for any JSON object."""
    exchange = subject.exchange
    if exchange is None or exchange.task != "chat":
        return None
    body = exchange.request.body
    wanted: Format | None = body.format if isinstance(body, Chat) else None
    if wanted is None:
        return None
    return bytes(wanted.schema) if wanted.kind == "schema" else b""


@lru_cache(64)
def _validator(schema: bytes) -> Any:
    """Its patterns are RE2's kind, and nothing is fetched: a caller's schema may say anything."""
    if len(schema) > _LARGEST:
        raise ValueError("the schema is too large")
    return jsonschema_rs.validator_for(
        msgspec.json.decode(schema), pattern_options=jsonschema_rs.RegexOptions(), retriever=_nothing
    )


def _nothing(uri: str) -> Any:
    raise ValueError(f"{uri[:100]} is elsewhere, and nothing is fetched")
