"""A provider's own moderation endpoint, asked through the gateway like any call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from tollhouse import Principal, Request
from tollhouse.journey.sink import Collected
from tollhouse.routes import PASSTHROUGH

from ..contract import Direction, Finding, Subject
from ..name import NAME
from ..settings import Rule

THRESHOLD = 0.5
_PATH = "/v1/moderations"
MOST = 100_000
"""Characters that are sent."""


class _Result(Struct):
    flagged: bool = False
    categories: dict[str, bool | None] = {}
    category_scores: dict[str, float | None] = {}


class _Results(Struct):
    results: list[_Result]


_decode = msgspec.json.Decoder(_Results).decode


class AskedProvider:
    """Asks `/v1/moderations` of a provider that speaks OpenAI's dialect: `model = "openai/omni-moderation-latest"`.

    Source: https://platform.openai.com/docs/api-reference/moderations
    """

    on: tuple[Direction, ...] = ("input", "output")

    def __init__(self, rule: Rule) -> None:
        self.threshold = THRESHOLD
        self._provider, slash, self._model = rule.model.partition("/")
        if not (self._provider and slash and self._model):
            raise ValueError('the check "provider" needs model = "PROVIDER/MODEL".')

    async def judge(self, subject: Subject) -> Sequence[Finding]:
        """A finding for each category, with its score. Raises when the provider gives no answer."""
        exchange = subject.exchange
        if exchange is None:
            raise RuntimeError("a provider can only be asked by a gateway that serves")
        if not subject.text.strip():
            return []
        edition = exchange.edition
        dialect = next((d for n in edition.providers[self._provider].speaks if (d := edition.dialects.get(n))), None)
        if dialect is None:
            raise RuntimeError(f"{self._provider} speaks no dialect that is loaded")
        body = msgspec.json.encode({"model": self._model, "input": subject.text[:MOST]})
        sink = Collected()
        await exchange.gateway.submit(
            Request(b"", dialect=dialect, route=PASSTHROUGH, tail="/moderations"),
            Principal(key=exchange.principal.key, user=exchange.principal.user, team=exchange.principal.team),
            sink,
            origin=NAME,
            headers={"content-type": "application/json"},
            provider=self._provider,
            path=_PATH,
            upload=body,
        )
        if sink.status != 200:
            raise RuntimeError(f"the provider answered with {sink.status}")
        return found(_decode(sink.body), len(subject.text))


def found(said: Any, length: int) -> list[Finding]:
    """What the results say, as findings; a flag without a score counts fully."""
    scores: dict[str, float] = {}
    for result in said.results:
        for name, score in result.category_scores.items():
            scores[name] = max(scores.get(name, 0.0), score or 0.0)
        for name, flagged in result.categories.items():
            if flagged and name not in result.category_scores:
                scores[name] = 1.0
        if result.flagged and not scores:
            scores["flagged"] = 1.0
    return [Finding(0, length, name.upper(), min(1.0, score)) for name, score in scores.items() if score > 0]
