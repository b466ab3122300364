"""The provider: one simulated account, which answers in the neutral form."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, ClassVar

import msgspec
from tollhouse import Attempt, ProviderError, Reply, Starter
from tollhouse.config.suggest import listing
from tollhouse.neutral import Body, Chat, Embed, End, Happening, Start, Used, Vectors
from tollhouse.usage import Usage

from .answers import MODELS, compose, question
from .counting import Prefixes, prompt, split
from .faults import NONE, Fault, FaultError, in_message, kind_of, parse
from .flow import flow, forever
from .script import usage, whole
from .settings import SimulatorSettings
from .vectors import vector

_HEADER = "x-simulate"
_CHOICES = 128
_INPUTS = 2048
_DIMENSIONS = 4096
_PAGE = b"<html><body><h1>200 OK</h1>This page was made by a fault.</body></html>\n"


class SimulatedProvider:
    """Answers without a server. The same request with the same seed gets the same answer."""

    Settings: ClassVar[type[msgspec.Struct]] = SimulatorSettings
    starter: ClassVar[Starter] = Starter("{}", "demo")
    speaks: Sequence[str] = ()

    def __init__(self, name: str, settings: SimulatorSettings, gateway: Any) -> None:
        self.name, self.settings = name, settings
        self._models = {**{model: model for model in MODELS}, **settings.models}
        self._faults = parse(settings.faults)
        self._dice = Random(settings.seed)  # noqa: S311  # repeatable on purpose
        self._prefixes = Prefixes(settings.cached_prefix)

    async def send(self, attempt: Attempt) -> Reply:
        """Answer, or fail as the request asks; cancelling it at any time leaves nothing behind."""
        name, _, suffix = attempt.target.model.partition("?")
        model = self._model(name)
        if attempt.request.task not in ("chat", "embed"):
            raise _wrong("the simulator answers chat and embedding requests only.", "unsupported_request", 404)
        body = attempt.request.body
        fault = self._fault(attempt, suffix, body)
        fails = fault.status is not None and fault.error_after is None
        if fault.stall:
            await forever()
        if first := fault.ttft if fault.ttft is not None else 0.0 if fails else self.settings.ttft:
            await asyncio.sleep(first)
        if fails:
            raise fault.error()
        if fault.malformed:
            return Reply(headers={"content-type": "text/html"}, dialect=attempt.exchange.dialect.name, body=_PAGE)
        created = int(attempt.exchange.started_at)
        start = Start(id=f"sim-{attempt.exchange.id}-{attempt.number}", model=name, created=created)
        if isinstance(body, Embed):
            return Reply(happenings=flow(self._embed(model, body, start), 0.0, fault))
        events = self._chat(model, body, start, fault)
        rate = self.settings.tokens_per_second if fault.tokens_per_second is None else fault.tokens_per_second
        return Reply(happenings=flow(events, 1 / (rate * max(1, body.n)) if rate else 0.0, fault))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error status means; nothing here is ever read from a wire."""
        return ProviderError(f"the simulator failed with status {status}", kind=kind_of(status), status=status)

    async def close(self) -> None:
        """Nothing is owned."""

    def _model(self, name: str) -> str:
        if name not in self._models:
            raise _wrong(
                f'the provider "{self.name}" has no model "{name}". {listing("It has", self._models)}',
                "model_not_found",
                404,
            )
        return self._models[name]

    def _fault(self, attempt: Attempt, suffix: str, body: Body) -> Fault:
        """What is to go wrong, by the nearest that says so: the message, header, model's name or settings."""
        text = (
            question(body)
            if isinstance(body, Chat)
            else " ".join(item for item in body.inputs if isinstance(item, str))
        )
        said = in_message(text) or attempt.exchange.headers.get(_HEADER, "") or suffix
        try:
            fault = parse(said) if said else self._faults
        except FaultError as error:
            raise _wrong(str(error), "invalid_fault") from error
        early = fault.attempts is None or attempt.number <= fault.attempts
        return fault if early and (fault.rate == 1 or self._dice.random() < fault.rate) else NONE

    def _chat(self, model: str, chat: Chat, start: Start, fault: Fault) -> list[Happening]:
        if model == "embed":
            raise _wrong('the model "embed" makes vectors and does not talk.', "unsupported_model")
        if not 1 <= chat.n <= _CHOICES:
            raise _wrong(f"n must be from 1 to {_CHOICES}.", "invalid_request")
        asked = prompt(chat)
        seed = blake2b(f"{self.settings.seed}\0{chat.seed}\0{model}\0".encode(), digest_size=16)
        seed.update("\0".join(asked).encode("utf-8", "replace"))
        first = int.from_bytes(seed.digest(), "big")
        length = fault.tokens or self.settings.tokens
        dice = [Random(first + number) for number in range(chat.n)]  # noqa: S311  # repeatable on purpose
        takes = [compose(model, chat, random, length) for random in dice]
        return whole(start, takes, usage(takes, len(asked), self._prefixes.read(asked)))

    def _embed(self, model: str, embed: Embed, start: Start) -> list[Happening]:
        if model != "embed":
            raise _wrong(f'the model "{model}" talks and does not make vectors; ask for "embed".', "unsupported_model")
        dimensions = self.settings.dimensions if embed.dimensions is None else embed.dimensions
        if not 1 <= dimensions <= _DIMENSIONS:
            raise _wrong(f"dimensions must be from 1 to {_DIMENSIONS}.", "invalid_request")
        if len(embed.inputs) > _INPUTS:
            raise _wrong(f"one request may hold {_INPUTS} inputs at most.", "invalid_request")
        texts = [item if isinstance(item, str) else " ".join(map(str, item)) for item in embed.inputs]
        vectors = [vector(text, dimensions, self.settings.seed) for text in texts]
        used = Usage(input=sum(map(len, map(split, texts))))
        return [start, Vectors(vectors=vectors), Used(usage=used), End()]


def _wrong(message: str, code: str, status: int = 400) -> ProviderError:
    return ProviderError(message, kind="invalid", status=status, code=code)
