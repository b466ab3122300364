"""An attempt: one try of one target, from dispatch to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from .config import Timeouts
from .dialect import Dialect, Receipt, Request
from .errors import TollhouseError
from .target import Target
from .usage import Usage

if TYPE_CHECKING:
    from .exchange import Exchange
    from .journey.delivered import Delivered
    from .provider import Provider

AttemptState = Literal["pending", "won", "lost", "failed"]


class Attempt:
    """One try. Times are monotonic seconds; None until reached. `lost` is a race's loser, `failed` everything
    else that did not win, `skipped` in `error` included."""

    __slots__ = (
        "body",
        "content_at",
        "content_within",
        "cost",
        "credential",
        "delivered",
        "dialect",
        "ended_at",
        "error",
        "exchange",
        "first_byte_at",
        "headers",
        "number",
        "provider",
        "receipt",
        "reply_headers",
        "request",
        "started_at",
        "state",
        "status",
        "target",
        "timeouts",
        "usage",
    )

    def __init__(
        self,
        exchange: Exchange,
        number: int,
        target: Target,
        provider: Provider,
        request: Request,
        dialect: Dialect | None,
        timeouts: Timeouts,
    ) -> None:
        self.exchange, self.number, self.target, self.provider = exchange, number, target, provider
        """Once the exchange has ended, a weak proxy: gone when nobody else holds it."""
        self.request, self.dialect, self.timeouts = request, dialect, timeouts
        """`dialect` is the one to speak upstream; None for a provider that answers in the neutral form."""
        self.body: bytes = b""
        """What goes upstream, in `dialect`."""
        self.headers: dict[str, str] = {}
        """Headers for the upstream; `dispatch` may add credentials and more. Never logged."""
        self.receipt: Receipt | None = None
        """What a translation could not carry; None when both sides speak the same dialect."""
        self.state: AttemptState = "pending"
        self.status = 0
        """The upstream's HTTP status; 0 while there is none."""
        self.reply_headers: Mapping[str, str] = {}
        """The headers of the upstream's reply, names in lower case; empty while there is none, and of a refusal."""
        self.error: TollhouseError | None = None
        self.usage: Usage | None = None
        self.cost: int | None = 0
        """Nano-USD; None when the target has no rate card (`unpriced`)."""
        self.credential: int | None = None
        """The position of the key that was used last among those of its provider; None while or where there is none."""
        self.delivered: Delivered | None = None
        """What its reply was heard to say so far; None before there is one."""
        self.content_within = 0.0
        """Seconds from its start within which it must reach content, else it fails as a `timeout`; 0 for no such
        bound. `dispatch` may set it."""
        self.started_at = exchange.now()
        self.first_byte_at: float | None = None
        self.content_at: float | None = None
        self.ended_at: float | None = None

    def seen(self, usage: Usage | None) -> None:
        """Take a usage report; the last non-null of each bucket wins."""
        if usage is not None:
            self.usage = self.usage.merged(usage) if self.usage else usage
