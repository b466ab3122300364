"""The key of an entry: who shares it, the model, the task, what plugins say it varies by, and the whole request."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b

import msgspec
from tollhouse import Exchange, Principal, Rejected, Request
from tollhouse.neutral import Chat

from .canon import canonical, names_files
from .settings import Share
from .unfit import why_not

FORM = 1
"""Raised when the same request would have another key than before."""

REMEMBERED = 4096
"""Requests whose canonical form is remembered by their bytes."""

BETAS = ("anthropic-beta", "openai-beta")
"""Headers of the caller that go upstream and may change what is answered."""

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks, whoever asks it."""

    digest: str = ""
    unfit: str = ""
    """Why it is not cached; empty when it is."""
    deterministic: bool = False
    """Whether it has the temperature 0, or a seed."""
    files: bool = False
    """Whether it names files of the caller."""


class Questions:
    """Reads requests. The same bytes are read once: the neutral form of a long conversation costs far more than a
    hash of it."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Question] = OrderedDict()

    def of(self, request: Request) -> Question:
        """What a request asks. A neutral form that is here already is read as it is: its maker may have said in it
        what the bytes do not."""
        if request.decoded:
            return _read(request)
        named = f"{request.dialect.name} {request.route.path} ".encode()
        place = blake2b(named + request.raw, digest_size=32).digest()
        known = self._known.get(place)
        if known is not None:
            self._known.move_to_end(place)
            return known
        question = self._known[place] = _read(request)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return question


def _read(request: Request) -> Question:
    try:
        body = request.body
    except Rejected:
        return Question(unfit="its neutral form cannot be read")
    dialect = request.dialect.name
    # A dialect whose requests lose something in every translation asks something of its own.
    manner = dialect if request.losses else ""
    chat = isinstance(body, Chat)
    return Question(
        digest=blake2b(_encode([manner, request.task]) + canonical(body), digest_size=32).hexdigest(),
        unfit=why_not(body, dialect),
        deterministic=not isinstance(body, Chat) or body.temperature == 0 or body.seed is not None,
        files=chat and names_files(body),
    )


def key_of(exchange: Exchange, question: Question, share: Share) -> bytes:
    """The key, 32 bytes that say nothing to who does not know all of it already."""
    principal = exchange.principal
    targets = exchange.edition.plan(exchange.model, principal).targets
    said = [
        FORM,
        tenant(principal, "key" if question.files else share),
        exchange.task,
        exchange.model,
        sorted(target.name for target in targets),
        exchange.vary,
        {name: exchange.headers[name] for name in BETAS if name in exchange.headers},
        question.digest,
    ]
    return blake2b(_encode(said), digest_size=32).digest()


def tenant(principal: Principal, share: Share) -> list[str]:
    """Whose entries a caller reads and writes."""
    if share == "all":
        return ["all"]
    if share == "team" and principal.team:
        return ["team", principal.team]
    return ["key", principal.key, principal.user]
