"""Where calls go and what they carry: one address book for OpenAI's URL scheme and one for Azure's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from tollhouse import ConfigError, Rejected

from .presets import Preset
from .settings import AzureSettings, HostSettings

_PATHS = {"chat": "/chat/completions", "embed": "/embeddings"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_SAFE = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Host:
    """One configured upstream. `base` ends with the version, if the host has one."""

    base: str
    headers: dict[str, str]
    """Names in lower case, the credential among them."""
    ask_usage: bool
    limit_field: str
    deployments: str = ""
    """Azure's address of deployments, when it puts the model into the path."""
    query: str = field(default="")
    """What every call appends."""

    def url(self, task: str, model: str) -> str:
        """Where a task is asked for."""
        if not self.deployments and not self.query:
            return self.base + _PATHS[task]
        base = f"{self.deployments}/{quote(model, safe='')}" if self.deployments else self.base
        return _joined(base + _PATHS[task], self.query)

    def masked(self, body: bytes) -> bytes:
        """An error's body without our credential, should the host repeat it."""
        for name in ("authorization", "api-key"):
            if secret := self.headers.get(name, "").removeprefix("Bearer "):
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
    key = _key(settings.api_key, settings.api_keys, path)
    if not key and preset.key and not settings.base_url:
        raise _no_key(path, preset)
    given = {"openai-organization": settings.organization, "openai-project": settings.project}
    if key:
        given["authorization"] = f"Bearer {key}"
    return Host(base, _headers(given, settings.headers, path), _ask(settings.ask_usage, preset), preset.limit_field)


def azure_of(name: str, preset: Preset, settings: AzureSettings) -> Host:
    """An Azure resource, by dated version or by the v1 address. Raises `ConfigError`."""
    path = f"providers.{name}"
    endpoint = settings.endpoint.rstrip("/")
    _check_url(endpoint, f"{path}.endpoint", "https://NAME.openai.azure.com")
    if not (key := _key(settings.api_key, settings.api_keys, path)):
        raise _no_key(path, preset)
    headers = _headers({"api-key": key}, settings.headers, path)
    ask = _ask(settings.ask_usage, preset)
    if settings.api_version == "v1":
        return Host(f"{endpoint}/openai/v1", headers, ask, preset.limit_field)
    return Host(
        f"{endpoint}/openai",
        headers,
        ask,
        preset.limit_field,
        deployments=f"{endpoint}/openai/deployments",
        query=f"api-version={quote(settings.api_version, safe='')}",
    )


def _joined(url: str, *queries: str) -> str:
    query = "&".join(filter(None, queries))
    return f"{url}?{query}" if query else url


def _ask(said: bool | None, preset: Preset) -> bool:
    return preset.ask_usage if said is None else said


def _key(one: str, several: list[str], path: str) -> str:
    if one and several:
        raise ConfigError("both api_key and api_keys are set.", path=path, hint="Keep one of them.")
    key = one or next(iter(several), "")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError("the key contains characters that no header may carry.", path=f"{path}.api_key")
    return key


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
