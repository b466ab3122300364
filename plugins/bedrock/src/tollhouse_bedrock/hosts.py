"""Where calls go and what they carry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from tollhouse import ConfigError, Rejected
from tollhouse.credentials import read_keys

from .credentials import Chain, Keys, Signature
from .settings import BedrockSettings

SERVICE = "bedrock-runtime"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_NAMED = (re.compile(r"(/model/)(.+)(/[^/]+)\Z"), re.compile(r"(/guardrail/)(.+)(/version/[^/]+/apply)\Z"))
"""Paths with a name in them that may have slashes."""
_SAFE = "/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Host:
    """One configured upstream, and how its calls are proven."""

    base: str
    headers: dict[str, str]
    """Names in lower case."""
    keys: tuple[str, ...]
    """API keys, which are bearer tokens."""
    signature: Signature | None
    """Signs every call when there are no API keys."""

    def url(self, task: str, model: str, stream: bool) -> str:
        """Where a task is asked of a model."""
        method = "count-tokens" if task == "count" else "converse-stream" if stream else "converse"
        return f"{self.base}/model/{quote(model, safe='')}/{method}"

    def tail(self, path: str, query: str) -> str:
        """Where a passthrough goes. Raises `Rejected` for a path that would climb out of the base."""
        if any(part in (".", "..") for part in re.split(r"[/\\]", unquote(unquote(path)))):
            raise Rejected("The path must not contain `.` or `..`.", status=404, code="not_found")
        named = next(filter(None, (pattern.match(path) for pattern in _NAMED)), None)
        target = named[1] + quote(named[2], safe="") + quote(named[3]) if named else quote(path, safe=_SAFE)
        pairs = parse_qsl(query, keep_blank_values=True)
        return f"{self.base}{target}?{urlencode(pairs, quote_via=quote, safe='')}" if pairs else self.base + target


def host_of(name: str, settings: BedrockSettings) -> Host:
    """The host configured as `[providers.NAME]`. Raises `ConfigError`."""
    path = f"providers.{name}"
    keys = read_keys(settings.api_key, settings.api_keys, path)
    _check_ways(settings, path)
    session = _session(settings, path) if not keys or not settings.base_url else None
    region = _region(settings, session, path) if session is not None else settings.region
    base = settings.base_url.rstrip("/") or _address(session, region, path)
    if not re.match(r"https?://[^\s/?#@]+(/[^\s?#]*)?\Z", base):
        raise ConfigError(
            f'"{base}" is not an http(s) address.',
            path=f"{path}.base_url",
            hint='Write something like "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com".',
        )
    signature = None
    if settings.access_key:
        signature = Signature(region, Keys(settings.access_key, settings.secret_key, settings.session_token))
    elif not keys:
        signature = Signature(region, Chain(session))
    return Host(base, _headers(settings, path), keys, signature)


def _check_ways(settings: BedrockSettings, path: str) -> None:
    """Raises `ConfigError` for settings that prove in two ways, or in half of one."""
    ways = {
        "api_key": bool(settings.api_key or settings.api_keys),
        "access_key": bool(settings.access_key),
        "profile": bool(settings.profile),
    }
    chosen = [way for way, given in ways.items() if given]
    if len(chosen) > 1:
        raise ConfigError(f"both {chosen[0]} and {chosen[1]} are set.", path=path, hint="Keep one of them.")
    if bool(settings.access_key) != bool(settings.secret_key):
        raise ConfigError("access_key and secret_key go together.", path=path, hint="Set both or none of them.")
    if settings.session_token and not settings.access_key:
        raise ConfigError(
            "a session token belongs to an access key.", path=f"{path}.session_token", hint="Set access_key too."
        )


def _session(settings: BedrockSettings, path: str) -> Any:
    """botocore's view of AWS's configuration: files and environment."""
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
    from botocore.session import Session  # type: ignore[import-untyped]

    session = Session(profile=settings.profile or None)
    try:
        profiles = session.available_profiles
        if not settings.profile or settings.profile in profiles:
            session.get_scoped_config()
            return session
    except BotoCoreError as error:
        raise ConfigError(f"AWS's configuration cannot be used: {error}.", path=path) from error
    raise ConfigError(
        f'AWS\'s configuration has no profile "{settings.profile}".',
        path=f"{path}.profile",
        hint=f"It has: {', '.join(profiles) or 'none'}.",
    )


def _region(settings: BedrockSettings, session: Any, path: str) -> str:
    region = settings.region or session.get_config_variable("region") or ""
    if not re.match(r"[a-z0-9-]+\Z", region):
        raise ConfigError(
            f'"{region}" is no AWS region.' if region else "a region is needed.",
            path=f"{path}.region",
            hint='Write something like region = "us-east-1".',
        )
    return str(region)


def _address(session: Any, region: str, path: str) -> str:
    """The public address of a region, from what botocore knows of AWS's partitions."""
    for partition in session.get_data("endpoints")["partitions"]:
        if re.match(partition["regionRegex"], region):
            return f"https://{SERVICE}.{region}.{partition['dnsSuffix']}"
    raise ConfigError(
        f'"{region}" is no AWS region.', path=f"{path}.region", hint='Write something like region = "us-east-1".'
    )


def _headers(settings: BedrockSettings, path: str) -> dict[str, str]:
    for header, value in settings.headers.items():
        if not _NAME.match(header) or not value.isascii() or not value.isprintable():
            raise ConfigError("not a header's name and value.", path=f"{path}.headers.{header}")
        if header.lower() in ("authorization", "host") or header.lower().startswith("x-amz-"):
            raise ConfigError(
                "this header is the signature's own.", path=f"{path}.headers.{header}", hint="Leave it out."
            )
    return {header.lower(): value for header, value in settings.headers.items()}
