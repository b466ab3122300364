"""What a store URL says: where Redis is, how to log in, and how the keys begin."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tollhouse.config.suggest import did_you_mean
from tollhouse.errors import ConfigError

DEFAULT_PORT = 6379
DEFAULT_PREFIX = "tollhouse"

_FORMS = (
    "Write `redis://[user:password@]host[:port][/db]`, `rediss://...` for TLS, or `unix:///path/to/redis.sock`; "
    "in a user or password, `@`, `/`, `#`, `?` and `%` are percent-encoded."
)
_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_OPTIONS = {
    "redis": ("prefix",),
    "rediss": ("prefix", "ca", "cert", "key"),
    "unix": ("prefix", "db"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """One Redis. Its user and password show in no text made of it."""

    host: str = ""
    port: int = DEFAULT_PORT
    path: str = ""
    """The socket's file, in place of host and port."""
    db: int = 0
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    prefix: str = DEFAULT_PREFIX
    tls: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""

    def __str__(self) -> str:
        return self.path or f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def root(self) -> bytes:
        """The beginning of every key: in braces, so that a Redis Cluster keeps all of them in one slot."""
        return b"{%s}" % self.prefix.encode()

    def moved(self, host: str, port: int) -> Address:
        """The same on another node of a cluster."""
        return replace(self, host=host or self.host, port=port)

    def context(self) -> ssl.SSLContext | None:
        """How to encrypt, if at all. Raises ConfigError for certificates that cannot be read."""
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            if self.cert:
                context.load_cert_chain(self.cert, self.key or None)
        except OSError as error:
            raise ConfigError(
                f"a certificate for Redis cannot be read: {error.strerror or error}.",
                path="store.url",
                hint="`ca`, `cert` and `key` name PEM files.",
            ) from error
        return context


def parse_url(url: str) -> Address:
    """The address in a store URL. Raises ConfigError, which never repeats the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or DEFAULT_PORT
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise _wrong("this is no URL of a Redis") from None
    if parts.scheme not in _OPTIONS:
        raise _wrong("this is no URL of a Redis")
    local = parts.scheme == "unix"
    if parts.fragment:
        raise _wrong("a Redis URL has no `#`")
    if not (parts.path if local else host):
        raise _wrong("the URL names no file of a socket" if local else "the URL names no host")
    options = _options(parts)
    db = options.get("db", "0") if local else parts.path.strip("/") or "0"
    if not db.isdecimal():
        raise _wrong("a Redis database is a number", f"`{parts.scheme}` URLs end with it: `/0`.")
    prefix = options.get("prefix", DEFAULT_PREFIX)
    if not _PREFIX.fullmatch(prefix):
        raise _wrong("a prefix is 1 to 64 letters, digits, dots, dashes, colons and underscores")
    return Address(
        host=host,
        port=port,
        path=unquote(parts.path) if local else "",
        db=int(db),
        user=user,
        password=password,
        prefix=prefix,
        tls=parts.scheme == "rediss",
        ca=options.get("ca", ""),
        cert=options.get("cert", ""),
        key=options.get("key", ""),
    )


def _options(parts: SplitResult) -> Mapping[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS[parts.scheme]:
            raise _wrong("the URL has an option that is not known", did_you_mean(name, _OPTIONS[parts.scheme]))
    return options


def _wrong(what: str, hint: str = _FORMS) -> ConfigError:
    return ConfigError(f"{what}.", path="store.url", hint=hint)
