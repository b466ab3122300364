"""Where calls go and what they carry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

from tollhouse import ConfigError, Rejected, Request
from tollhouse.credentials import read_keys

from .fields import NAME
from .request import method
from .settings import GeminiSettings

VARIABLE = "GEMINI_API_KEY"
"""The environment variable the key usually comes from."""

_OWN_URL = GeminiSettings().base_url
_CREDENTIALS = frozenset({"key", "access_token", "oauth_token"})
"""Query parameters by which a caller may have sent a credential."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_SAFE = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Host:
    """One configured upstream."""

    base: str
    version: str
    headers: dict[str, str]
    """Names in lower case, without the credential."""
    keys: tuple[str, ...]

    def url(self, request: Request, model: str) -> str:
        """Where a request is asked of `model`. A stream is always one of server-sent events."""
        name = model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
        url = f"{self.base}/{self.version}/{quote(name, safe='/')}:{_method(request)}"
        return f"{url}?alt=sse" if request.stream else url

    def tail(self, path: str, query: str) -> str:
        """Where a passthrough goes: its path below the base, without any credential of the caller's. Raises
        `Rejected` for a path that would climb out of it."""
        if any(part in (".", "..") for part in re.split(r"[/\\]", unquote(unquote(path)))):
            raise Rejected("The path must not contain `.` or `..`.", status=404, code="not_found")
        pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name not in _CREDENTIALS]
        url = self.base + quote(path, safe=_SAFE)
        return f"{url}?{urlencode(pairs, safe=_SAFE)}" if pairs else url


def host_of(name: str, settings: GeminiSettings) -> Host:
    """The host a provider's settings describe. Raises `ConfigError`."""
    path = f"providers.{name}"
    base = settings.base_url.rstrip("/")
    if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z", base):
        raise ConfigError(
            f'"{base}" is not an http(s) address.', path=f"{path}.base_url", hint=f'Write something like "{_OWN_URL}".'
        )
    if not re.match(r"[A-Za-z0-9.-]+\Z", settings.api_version):
        raise ConfigError("not a version.", path=f"{path}.api_version", hint='Write something like "v1beta".')
    keys = read_keys(settings.api_key, settings.api_keys, path)
    if not keys and base == _OWN_URL:
        raise ConfigError(
            "this provider needs a key.", path=f"{path}.api_key", hint=f'Write api_key = "${{{VARIABLE}}}".'
        )
    headers: dict[str, str] = {}
    for header, value in settings.headers.items():
        if not _NAME.match(header) or not value.isascii() or not value.isprintable():
            raise ConfigError("not a header's name and value.", path=f"{path}.headers.{header}")
        headers[header.lower()] = value
    return Host(base, settings.api_version, headers, keys)


def _method(request: Request) -> str:
    """The method that answers a request: the caller's own one, or that of its task."""
    if request.dialect.name == NAME:
        return method(request.route)
    if request.task == "embed":
        return "batchEmbedContents"
    return "streamGenerateContent" if request.stream else "generateContent"
