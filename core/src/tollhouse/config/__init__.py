"""gateway.toml: read, typed, resolved, and able to say where every value came from.

The way through: `load(path, environ)` reads the file and types the core's tables; its `config.plugins` and
the kinds in `config.providers` say which plugins to load. `bind(loaded, schemas, provider_schemas)` is then
given what those declare and types their tables, their levels and their providers. `explain(bound)` lists
every resolved value with its origin, secrets masked. All raise ConfigError, or ConfigErrors for several.

A plugin declares its settings as msgspec Structs with the types `Duration`, `DurationOrOff`, `Size`, `Money`,
`Budget`, `Rate` and `Address` as annotations, defaults written as in the file (`ttl: Duration =
Duration("10m")`), and a string literal below each field for the docs, which `fields(cls)` reads.
"""

from __future__ import annotations

from .address import Address
from .amounts import Duration, DurationOrOff, Money, Size
from .convert import dec_hook, enc_hook, validate
from .document import Field, fields
from .levels import Levels, PluginSchema, Said, Scoped, overlay
from .limits import Budget, Rate
from .load import Bound, Loaded, bind, load, parse
from .origin import Line, explain
from .patterns import allows
from .problems import ConfigErrors
from .schema import (
    Config,
    Key,
    Model,
    Provider,
    Server,
    StoreSettings,
    TargetEntry,
    Team,
    Timeouts,
    TimeoutsOver,
)
from .spoken import AmountError, Spoken
from .suggest import closest, did_you_mean

__all__ = [
    "Address",
    "AmountError",
    "Bound",
    "Budget",
    "Config",
    "ConfigErrors",
    "Duration",
    "DurationOrOff",
    "Field",
    "Key",
    "Levels",
    "Line",
    "Loaded",
    "Model",
    "Money",
    "PluginSchema",
    "Provider",
    "Rate",
    "Said",
    "Scoped",
    "Server",
    "Size",
    "Spoken",
    "StoreSettings",
    "TargetEntry",
    "Team",
    "Timeouts",
    "TimeoutsOver",
    "allows",
    "bind",
    "closest",
    "dec_hook",
    "did_you_mean",
    "enc_hook",
    "explain",
    "fields",
    "load",
    "overlay",
    "parse",
    "validate",
]
