"""Where calls go and what they carry: one address book for OpenAI's URL scheme and one for Azure's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from tollhouse import ConfigError, Rejected
from tollhouse.credentials import read_keys

from .completions.name import NAME as COMPLETIONS
from .name import NAME as CHAT
from .presets import Preset
from .responses.name import NAME as RESPONSES
from .settings import AzureSettings, HostSettings

_PATHS = {
    (CHAT, "chat"): "/chat/completions",
    (CHAT, "embed"): "/embeddings",
    (RESPONSES, "chat"): "/responses",
    (RESPONSES, "count"): "/responses/input_tokens",
    (RESPONSES, "compact"): "/responses/compact",
    (COMPLETIONS, "chat"): "/completions",
}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_SAFE = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Host:
    """One configured upstream. `base` ends with the version, if the host has one."""

    base: str
    headers: dict[str, str]
    """Names in lower case, without the credential."""
    keys: tuple[str, ...]
    ask_usage: bool
    limit_field: str
    speaks: tuple[str, ...] = (CHAT,)
    """Dialects, best first."""
    key_header: str = "authorization"
    deployments: str = ""
    """Azure's address of deployments, when it puts the model into the path."""
    query: str = field(default="")
    """What every call appends."""

    def url(self, dialect: str, task: str, model: str) -> str:
        """Where a task is asked for in a dialect."""
        if not self.deployments and not self.query:
            return self.base + _PATHS[dialect, task]
        deployed = self.deployments and dialect != RESPONSES
        base = f"{self.deployments}/{quote(model, safe='')}" if deployed else self.base
        return _joined(base + _PATHS[dialect, task], self.query)

    def credential(self, key: str) -> dict[str, str]:
        """The header that bears a key; none for an empty one."""
        if not key:
            return {}
        return {self.key_header: f"Bearer {key}" if self.key_header == "authorization" else key}

    def masked(self, body: bytes) -> bytes:
        """An error's body without our credentials, should the host repeat one."""
        given = [self.headers.get(name, "").removeprefix("Bearer ") for name in ("authorization", "api-key")]
        for secret in filter(None, (*self.keys, *given)):
            body = body.replace(secret.encode(), b"***")
        return body

    def tail(self, path: str, query: str) -> str:
        """Where a passthrough goes: its path below the base, less the version that the base brings. Raises
        `Rejected` for a path that would climb out of it."""
        if any(part in (".", "..") for part in re.split(r"[/\\]", unquote(unquote(path)))):
            raise Rejected("The path must not contain `.` or `..`.", status=404, code="not_found")
        below = path.removeprefix("/v1") if path.startswith("/v1/") else path
        return _joined(self.base + quote(below, safe=_SAFE), quote(query, safe=_SAFE + "%?"), self.query)


def host_of(name: str, preset: Preset, settings: HostSettings) -> Host:
    """A host with OpenAI's URL scheme. Raises `ConfigError`."""
    path = f"providers.{name}"
    base = (settings.base_url or preset.base_url).rstrip("/")
    _check_url(base, f"{path}.base_url", "https://api.example.com/v1")
    keys = read_keys(settings.api_key, settings.api_keys, path)
    if not keys and preset.key and not settings.base_url:
        raise _no_key(path, preset)
    given = {"openai-organization": settings.organization, "openai-project": settings.project}
    headers = _headers(given, settings.headers, path)
    ask = _ask(settings.ask_usage, preset)
    return Host(base, headers, keys, ask, preset.limit_field, _speaks(settings, preset))


def azure_of(name: str, preset: Preset, settings: AzureSettings) -> Host:
    """An Azure resource, by dated version or by the v1 address. Raises `ConfigError`."""
    path = f"providers.{name}"
    endpoint = settings.endpoint.rstrip("/")
    _check_url(endpoint, f"{path}.endpoint", "https://NAME.openai.azure.com")
    if not (keys := read_keys(settings.api_key, settings.api_keys, path)):
        raise _no_key(path, preset)
    headers = _headers({}, settings.headers, path)
    ask = _ask(settings.ask_usage, preset)
    speaks = _speaks(settings, preset)
    if settings.api_version == "v1":
        return Host(f"{endpoint}/openai/v1", headers, keys, ask, preset.limit_field, speaks, "api-key")
    return Host(
        f"{endpoint}/openai",
        headers,
        keys,
        ask,
        preset.limit_field,
        speaks,
        "api-key",
        deployments=f"{endpoint}/openai/deployments",
        query=f"api-version={quote(settings.api_version, safe='')}",
    )


def _joined(url: str, *queries: str) -> str:
    query = "&".join(filter(None, queries))
    return f"{url}?{query}" if query else url


def _ask(said: bool | None, preset: Preset) -> bool:
    return preset.ask_usage if said is None else said


def _speaks(settings: HostSettings | AzureSettings, preset: Preset) -> tuple[str, ...]:
    responses = settings.responses or ("yes" if preset.responses else "no")
    completions = preset.completions if settings.completions is None else settings.completions
    spoken = {"first": (RESPONSES, CHAT), "yes": (CHAT, RESPONSES), "no": (CHAT,)}[responses]
    return (*spoken, COMPLETIONS) if completions else spoken


def _no_key(path: str, preset: Preset) -> ConfigError:
    return ConfigError(
        "this provider needs a key.", path=f"{path}.api_key", hint=f'Write api_key = "${{{preset.variable}}}".'
    )


def _check_url(url: str, path: str, example: str) -> None:
    if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z", url):
        said = f'"{url}" is not an http(s) address.' if url else "an address is needed."
        raise ConfigError(said, path=path, hint=f'Write something like "{example}".')


def _headers(given: dict[str, str], more: dict[str, str], path: str) -> dict[str, str]:
    headers = {name: value for name, value in given.items() if value}
    for name, value in more.items():
        if not _NAME.match(name) or not value.isascii() or not value.isprintable():
            raise ConfigError("not a header's name and value.", path=f"{path}.headers.{name}")
        headers[name.lower()] = value
    return headers
