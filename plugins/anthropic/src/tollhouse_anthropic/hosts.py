"""Where calls go and what they carry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from tollhouse import ConfigError, Rejected
from tollhouse.credentials import read_keys

from .settings import BASE_URL, HostSettings

_PATHS = {"chat": "/v1/messages", "count": "/v1/messages/count_tokens"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_SAFE = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Host:
    """One configured upstream. `base` has no version: every path begins with one."""

    base: str
    headers: dict[str, str]
    """Names in lower case, without the credential."""
    keys: tuple[str, ...]
    version: str
    beta: tuple[str, ...]

    def url(self, task: str, query: str) -> str:
        """Where a task is asked for."""
        return self._joined(_PATHS[task], query)

    def tail(self, path: str, query: str) -> str:
        """Where a passthrough goes. Raises `Rejected` for a path that would climb out of the base."""
        if any(part in (".", "..") for part in re.split(r"[/\\]", unquote(unquote(path)))):
            raise Rejected("The path must not contain `.` or `..`.", status=404, code="not_found")
        return self._joined(quote(path, safe=_SAFE), query)

    def betas(self, asked: str) -> str:
        """The value of `anthropic-beta`: what is configured and what the caller asks for, each once."""
        wanted = [*self.beta, *(word.strip() for word in asked.split(","))]
        return ",".join(dict.fromkeys(filter(None, wanted)))

    def _joined(self, path: str, query: str) -> str:
        query = quote(query, safe=_SAFE + "%?")
        return f"{self.base}{path}?{query}" if query else self.base + path


def host_of(name: str, settings: HostSettings) -> Host:
    """The host configured as `[providers.NAME]`. Raises `ConfigError`."""
    path = f"providers.{name}"
    base = settings.base_url.rstrip("/").removesuffix("/v1")
    if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z", base):
        said = f'"{base}" is not an http(s) address.' if base else "an address is needed."
        raise ConfigError(said, path=f"{path}.base_url", hint='Write something like "https://api.example.com".')
    keys = read_keys(settings.api_key, settings.api_keys, path)
    if not keys and base == BASE_URL:
        raise ConfigError(
            "this provider needs a key.", path=f"{path}.api_key", hint='Write api_key = "${ANTHROPIC_API_KEY}".'
        )
    headers: dict[str, str] = {}
    for field, value in {"version": settings.version, **{f"beta[{n}]": v for n, v in enumerate(settings.beta)}}.items():
        if not value.isascii() or not value.isprintable() or not value.strip():
            raise ConfigError("this cannot be sent in a header.", path=f"{path}.{field}")
    for header, value in settings.headers.items():
        if not _NAME.match(header) or not value.isascii() or not value.isprintable():
            raise ConfigError("not a header's name and value.", path=f"{path}.headers.{header}")
        headers[header.lower()] = value
    return Host(base, headers, keys, settings.version, tuple(settings.beta))
