"""The JSON that goes out and comes in: every body of the API as a type, from which the OpenAPI document is made.

Money is integer nano-USD, null where there is no price; times are unix seconds, durations seconds.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Out(Struct, kw_only=True):
    """What answers have in common."""


class Asked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What bodies of requests have in common: a field that is not named here is refused."""


class Workers(Out):
    """Who answered within a moment, and who should have."""

    replied: list[str]
    missing: list[str] = []


class Ok(Out):
    """It was done, by these workers."""

    ok: bool
    workers: Workers


class WhoAmI(Out):
    """The caller, as the gateway knows them."""

    key: str
    user: str
    team: str
    access: str


class Health(Out):
    """One word, and the reasons for it."""

    word: Literal["healthy", "degraded", "draining"]
    why: list[str]


class StoreState(Out):
    """The store as this worker finds it; `url` bears no credentials."""

    up: bool
    url: str
    spooled: int
    """Settlements that wait for it."""


class WorkerState(Out):
    """One process that serves."""

    id: str
    pid: int
    node: str
    started_at: float
    seen_at: float
    in_flight: int = 0
    edition: int = 0


class Rates(Out):
    """The last minute."""

    window: float
    requests_per_second: float
    error_ratio: float
    in_flight: int
    ttft_p50: float | None
    ttft_p95: float | None
    output_tokens_per_second: float
    cache_hit_ratio: float | None


class Today(Out):
    """Since midnight UTC, by the ledger; null while the store does not answer."""

    cost: int | None
    saved: int | None
    unpriced: int | None
    requests: int | None


class State(Out):
    """Is it fine?"""

    at: float
    name: str
    version: str
    edition: int
    started_at: float
    uptime: float
    health: Health
    store: StoreState
    workers: list[WorkerState]
    rates: Rates
    today: Today
    plugins: list[str]
    missing: list[str]
    """Ids of workers that did not answer."""


class Facts(Out):
    """What is said of a request wherever one is shown."""

    id: str
    request_id: str
    at: float
    state: Literal["running", "ended"]
    dialect: str
    task: str
    model: str
    target: str
    key: str
    user: str
    team: str
    tags: list[str]
    origin: str
    stream: bool
    status: int
    outcome: str
    code: str
    seconds: float
    ttft: float | None
    tokens_per_second: float | None
    tokens: dict[str, int]
    input: int
    output: int
    cost: int | None
    saved: int
    cache: str
    labels: dict[str, str]
    worker: str


class Record(Facts):
    """One request, running or ended; `attempts` counts."""

    attempts: int


class Tried(Out):
    """One attempt of a request. `started` and `first_content` count from the request's and the attempt's start."""

    number: int
    target: str
    state: str
    status: int
    error: str
    started: float
    first_content: float | None
    seconds: float
    tokens: dict[str, int]
    cost: int | None
    why: str


class Price(Out):
    """Where the price of the answering target comes from."""

    source: str


class Bodies(Out):
    """The beginnings of what was asked and answered, kept only where `capture` says so."""

    request: str
    reply: str


class Detail(Facts):
    """A request with everything known about it."""

    attempts: list[Tried]
    phases: dict[str, float]
    notes: list[tuple[str, str]]
    held: dict[str, int]
    translation: str
    price: Price | None
    bodies: Bodies | None = None


class Requests(Out):
    """Newest first."""

    items: list[Record]
    next: str
    workers: Workers


class Breaker(Out):
    """What the plugin that breaks circuits last said of a target."""

    state: str
    until: float | None
    why: str


class TargetState(Out):
    """One target, over all workers, in the last five minutes; ratio and percentiles of the last minute."""

    target: str
    provider: str
    model: str
    state: Literal["up", "down", "drained", "unknown"]
    breaker: Breaker | None
    in_flight: int
    requests: int
    error_ratio: float
    ttft_p50: float | None
    ttft_p95: float | None
    ttft_series: list[float | None]
    """Medians of 30 spans of 10 s, the oldest first; null where nothing answered."""
    last_error: str
    drained_by: str


class Targets(Out):
    """Every target that is declared or was asked."""

    items: list[TargetState]
    next: str
    workers: Workers


class OneTarget(Asked, frozen=True):
    """Names a target: `provider/model`."""

    target: str


class Tested(Out):
    """How a short request to one target went; it is booked like any other."""

    ok: bool
    target: str
    status: int
    seconds: float
    code: str
    message: str
    id: str


class TokenPrice(Out):
    """USD per million tokens, as decimal texts."""

    input: str
    output: str
    source: str


class ModelTarget(Out):
    """A target of a model with its price; null where nobody has one."""

    target: str
    weight: float
    price: TokenPrice | None


class ModelState(Out):
    """A declared model."""

    name: str
    targets: list[ModelTarget]


class Models(Out):
    """In the file's order."""

    items: list[ModelState]
    next: str


class Spent(Out):
    """One group of the ledger; `by` holds the columns' values in the order asked for."""

    by: list[str]
    requests: int
    input: int
    output: int
    cost: int
    unpriced: int
    saved: int


class Spend(Out):
    """Sums of whole hours; most cost first."""

    items: list[Spent]
    since: float
    until: float
