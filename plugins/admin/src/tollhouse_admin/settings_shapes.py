"""The JSON about plugins, the configuration and the audit log, and that of errors and of the document itself."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from .shapes import Asked, Out, Workers


class PluginState(Out):
    """A plugin of this configuration."""

    name: str
    distribution: str
    version: str
    hooks: list[str]


class HookState(Out):
    """One implementation: its place, and what it cost in all workers since they serve this configuration. Of a relay
    `seconds` is null, for it mostly waits for others."""

    hook: str
    plugin: str
    order: int
    calls: int
    seconds: float | None
    errors: int
    policy: Literal["closed", "open"]
    limit: float


class Plugins(Out):
    """Plugins in their order, and their hooks in the journey's."""

    plugins: list[PluginState]
    hooks: list[HookState]
    workers: Workers


class ConfigLine(Out):
    """A resolved value with where it came from; secrets are masked."""

    path: str
    value: str
    origin: str


class Configuration(Out):
    """What serves."""

    lines: list[ConfigLine]
    file: str
    edition: int


class Draft(Asked, frozen=True):
    """A text to be checked as gateway.toml. It is read, never used: nothing of it is loaded, opened or kept."""

    text: str


class Problem(Out):
    """One thing that is wrong."""

    path: str
    message: str
    hint: str


class Verdict(Out):
    """Whether a text would do."""

    ok: bool
    errors: list[Problem]


class Change(Out):
    """A setting that differs; null where it is not said. Secrets are masked: two masks are two secrets."""

    path: str
    old: str | None
    new: str | None


class Difference(Out):
    """The file on disk against what serves."""

    changed: list[Change]


class Reloaded(Out):
    """The configuration that serves now."""

    edition: int
    workers: Workers


class AuditItem(Out):
    """Who did what. Items from the hash chain of this plugin have a `number`."""

    id: str
    at: float
    who: str
    action: str
    what: str
    request_id: str
    number: int | None = None


class Audit(Out):
    """Oldest first. `chain` says whether the records of this plugin on the page follow one another unbroken."""

    items: list[AuditItem]
    next: str
    chain: str


class ErrorBody(Out):
    """What went wrong: stable `code`, words in `message`."""

    message: str
    code: str | None
    type: str
    errors: list[Problem] = field(default_factory=list)


class Failure(Out):
    """Every error."""

    error: ErrorBody


class Document(Out):
    """OpenAPI 3.1."""

    openapi: str
    info: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, Any] = field(default_factory=dict)
    components: dict[str, Any] = field(default_factory=dict)
    security: list[dict[str, list[str]]] = field(default_factory=list)
