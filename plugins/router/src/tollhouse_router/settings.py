"""What gateway.toml says about routing: the table [router], and the key of every level."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from tollhouse.config import Duration

from .bounds import Bound, Pattern, ShareBound

PLUGIN = "router"

Alone = Literal[
    "ordered",
    "weighted",
    "round_robin",
    "least_busy",
    "lowest_latency",
    "cheapest",
    "quota_aware",
    "sticky",
]
"""Strategies that need no more than their name."""
Strategy = Literal[Alone, "canary"]
By = Literal["session", "conversation", "user", "key"]
Percent = Annotated[float, Meta(ge=0, le=100)]
Prefix = Annotated[int, Meta(ge=0, le=1000)]
Patterns = tuple[Pattern, ...]
Bounds = tuple[Bound, ...]
Names = tuple[str, ...]


class When(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table `when` of a rule: all that is said must hold; of a list of names one, of a list of bounds all."""

    model: Patterns | None = None
    """The model as the caller asked for it."""
    dialect: Patterns | None = None
    """The caller's dialect."""
    task: Patterns | None = None
    """`chat`, `embed` or `count`."""
    team: Patterns | None = None
    """The caller's team."""
    key: Patterns | None = None
    """The name of the caller's key."""
    user: Patterns | None = None
    """The caller's user."""
    tag: Patterns | None = None
    """One of the caller's tags."""
    header: dict[str, Pattern] | None = None
    """Request headers and what each must say."""
    stream: bool | None = None
    """Whether a stream is asked for."""
    input_tokens: Bounds | None = None
    """The estimated input tokens."""
    output_tokens: Bounds | None = None
    """The most output tokens that are asked for; 1024 when the caller does not say."""
    choices: Bounds | None = None
    """How many answers are asked for."""
    messages: Bounds | None = None
    """How many messages a chat has, those of the system included."""
    tools: bool | None = None
    """Whether tools are offered."""
    images: bool | None = None
    """Whether there is an image in it."""
    audio: bool | None = None
    """Whether there is audio in it."""
    documents: bool | None = None
    """Whether there is a document in it."""
    schema: bool | None = None
    """Whether the answer must fit a JSON Schema."""
    budget_left: tuple[ShareBound, ...] | None = None
    """What is left of the caller's tightest budget, as a share of it; see the README for when it is known."""


class Then(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table `then` of a rule: what holds for the requests it fits."""

    targets: Names | None = None
    """Models or targets instead of the model's own."""
    strategy: Alone | None = None
    """Another strategy."""
    prefer: Patterns | None = None
    """Targets that go before the others, in this order."""
    avoid: Patterns | None = None
    """Targets that go behind the others."""

    def __post_init__(self) -> None:
        if not any((self.targets, self.strategy, self.prefer, self.avoid)):
            raise ValueError("must say targets, strategy, prefer or avoid.")


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule."""

    name: str = ""
    """What reasons call it; else its number."""
    when: When
    """What must hold."""
    then: Then
    """What follows."""


class RouterSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The table [router]."""

    strategy: Alone = "ordered"
    """How the targets of a model are ordered."""
    by: tuple[By, ...] = ()
    """What `sticky` and `canary` go by: the first of these that a request has. Empty: `session`, then `conversation`
    for `sticky`; `session`, `user`, then `key` for `canary`."""
    session_header: str = "x-session-id"
    """The request header that names a session."""
    prefix: Prefix = 1
    """How many messages, beside the system's and the tools, make a conversation."""
    decay: Duration = Duration("10s")
    """How fast `lowest_latency` forgets: after this time a measurement weighs 37 percent."""
    header: bool = False
    """Whether answers say in `x-tollhouse-route` why they went where they did."""
    rules: tuple[Rule, ...] = ()
    """Rules, tried in their order behind those of the level."""


class RouterLevel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key of a level as a table; what it does not say is as in [router]."""

    strategy: Strategy | None = None
    """As in [router], and `canary`."""
    by: tuple[By, ...] | None = None
    """As in [router]."""
    to: str = ""
    """For `canary`: the target, `provider/model`, that gets the share."""
    percent: Percent = 0.0
    """For `canary`: the share of callers, in percent."""
    prefix: Prefix | None = None
    """As in [router]."""
    rules: tuple[Rule, ...] | None = None
    """Rules, tried in their order before those of [router]."""

    def __post_init__(self) -> None:
        if self.strategy == "canary" and not self.to:
            raise ValueError('a canary needs its target: to = "provider/model", and percent.')


Level: Any = RouterLevel | Alone
"""The type of the plugin's key at every level: a strategy's name, or a table."""


class Policy(Struct, frozen=True, kw_only=True):
    """What holds for one exchange."""

    strategy: Strategy
    by: tuple[By, ...]
    to: str
    percent: float
    prefix: int
    session_header: str
    rules: tuple[tuple[str, Rule], ...]
    """With what reasons call each."""


def policy(settings: RouterSettings, level: RouterLevel | Alone | None) -> Policy:
    """The level's word over the table's."""
    said = RouterLevel(strategy=level) if isinstance(level, str) else level or RouterLevel()
    rules = [(rule.name or f"rule {n}", rule) for n, rule in enumerate(said.rules or (), 1)]
    rules += [(rule.name or f"rule {n} of [router]", rule) for n, rule in enumerate(settings.rules, 1)]
    return Policy(
        strategy=said.strategy or settings.strategy,
        by=settings.by if said.by is None else said.by,
        to=said.to,
        percent=said.percent,
        prefix=settings.prefix if said.prefix is None else said.prefix,
        session_header=settings.session_header.lower(),
        rules=tuple(rules),
    )
