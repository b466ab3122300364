"""Providers: who answers an attempt, over any transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import msgspec

from .errors import ProviderError
from .neutral import Delta, End, Finish, Happening, PartEnd, PartStart, Start, Used
from .reply import Reply
from .usage import Usage

if TYPE_CHECKING:
    from .attempt import Attempt
    from .dialect import Request


@runtime_checkable
class Provider(Protocol):
    """One configured upstream account. The core makes one per `[providers.NAME]` and calls `close` at the end."""

    speaks: Sequence[str]
    """Dialect names, best first; empty when it answers in the neutral form."""

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the upstream. Raises `ProviderError`; a cancelled send leaves nothing open.
        `attempt.dialect` is the dialect to speak and `attempt.body` its bytes."""
        ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response of this upstream means; never raises."""
        ...

    async def close(self) -> None:
        """Release what the provider owns."""
        ...


@dataclass(frozen=True, slots=True)
class Starter:
    """What `tollhouse init` writes for a kind of provider that has one as its `starter`."""

    table: str
    """The kind's table as TOML on one line. It is written when every `${VARIABLE}` in it is in the environment; one
    without variables, when no other kind's are."""
    model: str
    """A model to begin with, as the provider names it."""


class ProviderKind(Protocol):
    """How a plugin offers a kind of provider: `providers(gateway)` returns these by kind. A kind may have a
    `starter: Starter`."""

    Settings: type[msgspec.Struct]

    def __call__(self, name: str, settings: Any, gateway: Any) -> Provider:
        """Make the provider configured as `[providers.NAME]`."""
        ...


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For plugins and providers without settings."""


class SimpleProvider:
    """Level one, for newcomers: a class with `async def generate(self, request)` that yields text.

    `generate` may also yield neutral events for anything richer; missing ends are added: strings become one
    text part, and usage may be yielded as `Usage`. Used as a plugin class it is its own kind of provider.
    """

    Settings: ClassVar[type[msgspec.Struct]] = NoSettings
    speaks: Sequence[str] = ()

    def __init__(self, name: str, settings: Any, gateway: Any) -> None:
        self.name, self.settings, self.gateway = name, settings, gateway

    def generate(self, request: Request) -> AsyncIterator[str | Usage | Happening]:
        """Answer a request; `request.body` is its neutral form."""
        raise NotImplementedError

    async def send(self, attempt: Attempt) -> Reply:
        """Wrap what `generate` yields into a reply in the neutral form."""
        answers = self.generate(attempt.request)
        return Reply(happenings=_spoken(answers, attempt))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Never asked: there is no wire."""
        return ProviderError(f"the provider failed with status {status}", kind="server", status=status)

    async def close(self) -> None:
        """Nothing is owned."""


async def _spoken(answers: AsyncIterator[str | Usage | Happening], attempt: Attempt) -> AsyncIterator[Happening]:
    yield Start(id=f"gen-{attempt.exchange.id}", model=attempt.target.model, created=int(attempt.exchange.started_at))
    open_text = False
    finished = ended = False
    async for answer in answers:
        if isinstance(answer, str):
            if not open_text:
                open_text = True
                yield PartStart(index=0, kind="text")
            yield Delta(index=0, text=answer)
        elif isinstance(answer, Usage):
            yield Used(usage=answer)
        else:
            finished = finished or isinstance(answer, Finish)
            ended = ended or isinstance(answer, End)
            yield answer
    if open_text:
        yield PartEnd(index=0)
    if not finished:
        yield Finish(reason="stop", raw="stop")
    if not ended:
        yield End()
