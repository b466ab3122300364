"""A dialect is a wire format: how requests, replies and errors are spelled for one family of clients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from msgspec import Struct

from .errors import ProviderError, Rejected
from .neutral import Body, Happening, Path
from .usage import Usage

Headers = Mapping[str, str]
"""Header names in lower case."""

FrameKind = Literal["lifecycle", "content", "usage", "end", "error"]


@dataclass(frozen=True, slots=True)
class Route:
    """A path a dialect answers.

    `path` is literal, has one `{name}` that takes a run of characters up to the literal that follows it
    (`/models/{model}:generate`), slashes too when it is written `{name:path}` (`/model/{model:path}/ask`), or ends
    in `{rest}` to take everything below; what was taken is the request's `tail`. `body` says whether the core reads
    it whole (under `server.max_body`) or streams it upstream (under `server.max_upload`). Two dialects may share a
    path: one whose `claims(headers)` is true goes before one that claims nothing.
    """

    method: str
    path: str
    task: str
    """`chat`, `embed`, `count` (the tokens of a chat, same dialect), `models` (answered by the core), or
    `passthrough` (any method and body, same dialect)."""
    body: Literal["read", "stream", "none"] = "read"
    claims: Callable[[Headers], bool] | None = None


class Frame(Struct, frozen=True):
    """One unit of a framed reply: its exact bytes, and what sniffing them told."""

    raw: bytes
    kind: FrameKind
    usage: Usage | None = None
    error: ProviderError | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """Set the value at a JSON path, or remove it when `remove`; everything else keeps its bytes' meaning."""

    path: Path
    value: Any = None
    remove: bool = False


@dataclass(slots=True)
class Receipt:
    """What a translation could not carry: `kind=path:reason` lines, kind one of dropped, approximated."""

    lines: list[str] = field(default_factory=list)

    def note(self, kind: Literal["dropped", "approximated"], path: str, reason: str) -> None:
        """Add one entry for one lossy line."""
        self.lines.append(f"{kind}={path}:{reason}")

    def summary(self) -> str:
        """For the header: `exact`, or `adapted` with each kind's paths."""
        if not self.lines:
            return "exact"
        kinds: dict[str, list[str]] = {}
        for line in self.lines:
            kind, _, rest = line.partition("=")
            kinds.setdefault(kind, []).append(rest.partition(":")[0])
        return "adapted; " + "; ".join(f"{kind}={','.join(paths)}" for kind, paths in kinds.items())


class Request:
    """A request as the caller sent it, with a neutral view that is decoded lazily and at most once.

    Edits are patches of the caller's bytes; they drop the neutral view, so read it again after an edit.
    """

    __slots__ = ("_body", "dialect", "max_output", "model", "n", "raw", "route", "stream", "tail", "wants_usage")

    losses: tuple[str, ...] = ()
    """Lines of every receipt for what the neutral form itself cannot say of such a request."""

    def __init__(
        self,
        raw: bytes,
        *,
        dialect: Dialect,
        route: Route,
        model: str = "",
        stream: bool = False,
        wants_usage: bool = True,
        max_output: int | None = None,
        n: int = 1,
        tail: str = "",
        body: Body | None = None,
    ) -> None:
        self.raw, self.dialect, self.route, self.model, self.stream = raw, dialect, route, model, stream
        self.wants_usage = wants_usage
        """Whether the caller asked to see usage in the stream."""
        self.max_output, self.n = max_output, n
        """The most output tokens a choice may have, None when unsaid, and the number of choices."""
        self.tail = tail
        """What the route's path took."""
        self._body = body

    @property
    def task(self) -> str:
        """What is asked for: the route's task."""
        return self.route.task

    @property
    def body(self) -> Body:
        """The neutral form. Raises `Rejected` when the bytes are not what the dialect promises."""
        if self._body is None:
            self._body = self.dialect.decode(self.raw, self.route)
        return self._body

    @property
    def decoded(self) -> bool:
        """Whether the neutral form is here already: it was looked at, or given by who made the request."""
        return self._body is not None

    def edit(self, *edits: Edit) -> None:
        """Patch the request in place: bytes, and everything read from them. Raises `Rejected` if the result
        is not a request any more."""
        fresh = self.dialect.request(self.dialect.patch(self.raw, edits), self.route, self.tail)
        self.raw, self.model, self.stream = fresh.raw, fresh.model, fresh.stream
        self.wants_usage, self.max_output, self.n = fresh.wants_usage, fresh.max_output, fresh.n
        self._body = None

    def copy(self) -> Request:
        """A request of its own, for an attempt that needs other bytes."""
        return Request(
            self.raw,
            dialect=self.dialect,
            route=self.route,
            model=self.model,
            stream=self.stream,
            wants_usage=self.wants_usage,
            max_output=self.max_output,
            n=self.n,
            tail=self.tail,
            body=self._body,
        )


class Decoder(Protocol):
    """Reads one reply of a dialect, in order; holds the state of one stream."""

    def sniff(self, raw: bytes) -> Frame:
        """Classify one raw frame cheaply; never raises. Called for every frame, passthrough included."""
        ...

    def feed(self, raw: bytes) -> list[Happening]:
        """The neutral events of one frame. Raises `ProviderError(kind="bad_reply")` on bytes it cannot read."""
        ...

    def finish(self) -> None:
        """The frames have ended. Raises `ProviderError(kind="cut")` if no terminal event was seen."""
        ...

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body: an in-band error is an `error` frame, anything else an `end` with its usage.
        Raises `ProviderError(kind="bad_reply")` when it is not the dialect's JSON."""
        ...

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral events a whole body is the fold of."""
        ...

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a frame or body of this reply, keeping its framing."""
        ...


class Encoder(Protocol):
    """Writes one reply of a dialect; a state machine that cannot emit an illegal order.

    A stream is the joined bytes of `start`-less `feed`s and one `finish`; a body is everything `finish` returns.
    """

    content_type: str

    def passes(self, frame: Frame) -> bytes:
        """A frame of this very dialect, forwarded: the same bytes, less what the caller did not ask for."""
        ...

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """More of the reply; empty while nothing can be said yet, and always for a body."""
        ...

    def finish(self) -> bytes:
        """The reply is complete: what closes it. Never called after an error."""
        ...

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """An error inside a stream that has begun, and the end of that stream."""
        ...

    def keepalive(self) -> bytes:
        """Bytes that every client of the dialect ignores."""
        ...


class Dialect(Protocol):
    """A wire format. One instance serves a whole edition, so it keeps no state of a request."""

    name: str
    routes: Sequence[Route]
    id_header: str
    """The response header that bears the request id, in lower case."""

    def request(self, raw: bytes, route: Route, tail: str = "") -> Request:
        """Read as much as routing needs; `tail` is what the route's path took, a model's name in some dialects.
        Raises `Rejected` (400) on anything that is not a request."""
        ...

    def decode(self, raw: bytes, route: Route) -> Body:
        """The whole neutral form. Raises `Rejected` (400)."""
        ...

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Change only these values; unknown fields, order and numbers keep their meaning."""
        ...

    def encode(self, request: Request, model: str) -> tuple[bytes, Receipt]:
        """This dialect's bytes for a request of any dialect, asking the upstream for `model`."""
        ...

    def address(self, request: Request, model: str) -> bytes:
        """The bytes of a request of this same dialect, addressed to the upstream's `model` and asking for usage
        in its stream; everything else as the caller sent it."""
        ...

    def decoder(self, task: str) -> Decoder:
        """A reader for one reply."""
        ...

    def encoder(self, request: Request) -> Encoder:
        """A writer for the reply to this caller's request."""
        ...

    def error(self, error: ProviderError | Rejected, status: int, request_id: str) -> tuple[int, Headers, bytes]:
        """An error as a whole response. `status` is the core's choice; a dialect may have its own word for it."""
        ...

    def failure(self, status: int, headers: Headers, body: bytes) -> ProviderError:
        """What an upstream of this dialect says in an error response; never raises."""
        ...
