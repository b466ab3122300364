"""The core's own tables of gateway.toml as typed, frozen values.

What belongs to plugins stays raw here (`settings` of models, teams and keys, `defaults`, `Provider.settings`)
until `bind` reads it by the types the plugins declare.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from .address import Address
from .amounts import Duration, DurationOrOff, Size
from .patterns import allows
from .secret import masked

Settings = dict[str, Any]
"""Raw values by plugin name."""


class Tls(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`tls` in `[server]`: what the gateway shows to callers who encrypt. Relative paths begin beside gateway.toml."""

    cert: str
    """File with the certificate and the chain above it, PEM."""
    key: str
    """File with the certificate's private key, PEM, not encrypted."""


class Server(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[server]`: the HTTP front."""

    listen: Address = Address("127.0.0.1:8080")
    """Host and port to listen on; `0.0.0.0` is every interface, port 0 any free port."""
    engine: Literal["hypercorn", "uvicorn"] = "hypercorn"
    """What speaks HTTP: hypercorn does HTTP/1.1 and HTTP/2, uvicorn HTTP/1.1 only, several times as fast."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes that serve; they share the address and the store, and one that dies is started again."""
    tls: Tls | None = None
    """`{ cert = "server.pem", key = "server.key" }`, files beside gateway.toml, serves HTTPS; absent HTTP."""
    max_body: Size = Size("32 MiB")
    """Largest request body that is read; a larger one is answered with 413."""
    max_upload: Size = Size("512 MiB")
    """Largest upload that is streamed through unread, such as a file."""
    body_idle: Duration = Duration("30s")
    """Longest silence within a request body before it is answered with 408."""
    header_timeout: Duration = Duration("10s")
    """How long a caller may take to send a request's head, from connecting or from its first byte."""
    max_header_bytes: Size = Size("32 KiB")
    """Largest sum of a request's header names and values."""
    max_headers: Annotated[int, Meta(ge=1)] = 100
    """Most headers a request may have."""
    drain: Duration = Duration("30s")
    """How long running exchanges may finish after a stop was asked for."""
    keepalive: DurationOrOff = DurationOrOff("15s")
    """Silence in a stream before the caller is sent a comment that keeps the connection; "off" sends none."""
    open_to_everyone: bool = False
    """Whether to listen beyond this machine although no plugin authenticates; otherwise that is refused."""
    hooks: dict[str, Duration] = {}
    """Time limits by hook name, in place of the limit the hook declares."""


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[store]`: where counters, the ledger and everything shared live."""

    url: str = "sqlite:.tollhouse/state.db"
    """The back end by URL scheme: `sqlite:<file>`, `memory:`, or that of an installed store."""
    bound: Duration = Duration("50ms")
    """Longest wait for the store on a request's way; after it the store counts as lost."""
    ledger: bool = True
    """Whether every exchange is written to the ledger."""
    keep: DurationOrOff = DurationOrOff("400d")
    """How long the ledger goes back: whole months (UTC) that ended longer ago are deleted; "off" keeps all of them."""

    def __repr__(self) -> str:
        return f"StoreSettings(url={masked(self.url)!r})"


class Timeouts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[timeouts]`: deadlines of the way upstream."""

    connect: Duration = Duration("5s")
    """Until a connection to the provider stands."""
    first_byte: Duration = Duration("5m")
    """From the request sent to the first byte of the reply."""
    idle: Duration = Duration("1m")
    """Longest silence between two chunks of a reply."""
    total: Duration = Duration("9m40s")
    """The whole exchange with all its attempts; below the 600 seconds of the official clients."""


class TimeoutsOver(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """`timeouts` of one provider or model: what is absent stays as in `[timeouts]`."""

    connect: Duration | None = None
    """Until a connection to the provider stands."""
    first_byte: Duration | None = None
    """From the request sent to the first byte of the reply."""
    idle: Duration | None = None
    """Longest silence between two chunks of a reply."""
    total: Duration | None = None
    """The whole exchange with all its attempts."""

    def over(self, base: Timeouts) -> Timeouts:
        """`base` with this table's fields in place of its own."""
        said = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        kept = {name: getattr(base, name) for name in base.__struct_fields__}
        return Timeouts(**(kept | said))


class Provider(Struct, frozen=True, kw_only=True):
    """`[providers.X]`: one upstream."""

    name: str
    kind: str
    """Whose provider this is: a plugin's provider kind; default the table's own name."""
    timeouts: TimeoutsOver = TimeoutsOver()
    """Deadlines that differ from `[timeouts]`."""
    settings: Settings = {}
    """The rest of the table, raw, for the provider kind."""

    def __repr__(self) -> str:
        return f"Provider(name={self.name!r}, kind={self.kind!r})"


class TargetEntry(Struct, frozen=True, kw_only=True):
    """One place to send a model's requests."""

    provider: str
    model: str
    """The provider's name of the model."""
    weight: float = 1.0
    """Share for plugins that spread by weight; that of a model's name is split over its targets."""
    via: tuple[str, ...] = ()
    """The models it was reached through, outermost first; empty when it is listed itself."""


class Model(Struct, frozen=True, kw_only=True):
    """`[models] X`: a name callers use, and its targets, best first."""

    name: str
    targets: tuple[TargetEntry, ...]
    """Every target once, names of other models expanded."""
    timeouts: TimeoutsOver = TimeoutsOver()
    """Deadlines that differ from the provider's and from `[timeouts]`."""
    strict: bool | None = None
    """Whether a request that cannot be translated without loss is refused; absent as at the top of the file."""
    settings: Settings = {}
    """What the table says to plugins."""


class Team(Struct, frozen=True, kw_only=True):
    """`[teams.X]`."""

    name: str
    models: tuple[str, ...] | None = None
    """Names of the models its keys may use, `*` stands for anything; absent allows all."""
    settings: Settings = {}
    """What the table says to plugins."""

    def allows(self, model: str) -> bool:
        """Whether `models` lets this one through."""
        return allows(self.models, model)


class Key(Struct, frozen=True, kw_only=True):
    """`[keys.X]`: a caller's key."""

    name: str
    secret: str
    """What the caller sends."""
    team: str = ""
    """A name from `[teams]`; empty for none."""
    user: str = ""
    """Who uses it, for the ledger."""
    tags: tuple[str, ...] = ()
    """Free words to group by."""
    models: tuple[str, ...] | None = None
    """Names of the models it may use within what its team may; absent allows all of them."""
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    """When it stops working: a date and time with an offset, `2027-01-31T00:00:00Z`; absent means never."""
    settings: Settings = {}
    """What the table says to plugins."""

    def allows(self, model: str) -> bool:
        """Whether `models` lets this one through; the team is asked on its own."""
        return allows(self.models, model)

    def __repr__(self) -> str:
        return f"Key(name={self.name!r}, team={self.team!r})"


class Config(Struct, frozen=True, kw_only=True):
    """gateway.toml."""

    plugins: tuple[str, ...] = ()
    """Plugins to load, in the order a request meets them: names, or files as "./file.py"."""
    server: Server = Server()
    """The HTTP front."""
    store: StoreSettings = StoreSettings()
    """Where state lives."""
    timeouts: Timeouts = Timeouts()
    """Deadlines of the way upstream; providers and models may differ."""
    providers: dict[str, Provider] = {}
    """Upstreams by name; the name picks the plugin unless `kind` does."""
    models: dict[str, Model] = {}
    """Names callers use, each with its targets, best first."""
    undeclared_models: bool = False
    """Whether callers may also ask for `provider/model` when `[models]` declares others."""
    default_provider: str = ""
    """Who gets an unknown path below /v1; default the first of `[providers]`."""
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 4
    """Most attempts of one exchange, whatever plugins would try."""
    strict: bool = False
    """Whether a request that would lose something in translation is refused with a 400, not adapted with a receipt."""
    transport: Literal["http1", "httpx"] = "http1"
    """The HTTP client upstream: our own for HTTP/1.1, or httpx."""
    defaults: Settings = {}
    """What every caller gets, by plugin, unless its model, team or key says otherwise."""
    teams: dict[str, Team] = {}
    """Teams by name."""
    keys: dict[str, Key] = {}
    """Keys by name."""


CORE_KEYS = {
    "providers": ("kind", "timeouts"),
    "models": ("targets", "timeouts", "strict"),
    "teams": ("models",),
    "keys": ("secret", "team", "user", "tags", "models", "expires"),
}
"""The core's keys inside the named tables; every other is a plugin's (in providers: the provider kind's)."""

RESERVED = Config.__struct_fields__
"""The names at the top of the file that are the core's; every other is a plugin's table."""
