"""The certificate callers are shown, read at the start and again on every reload."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from ..config import Loaded
from ..config.schema import Tls
from ..errors import ConfigError


def context(loaded: Loaded, alpn: Sequence[str]) -> ssl.SSLContext | None:
    """TLS as `server.tls` says, None without it. Raises ConfigError when the files are no certificate and key."""
    settings = loaded.config.server.tls
    if settings is None:
        return None
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(list(alpn))
    _load(made, loaded, settings)
    return made


def renew(live: ssl.SSLContext | None, loaded: Loaded) -> None:
    """Read the files again: connections from now on are shown the new certificate. Raises ConfigError, and the old
    one stays."""
    settings = loaded.config.server.tls
    if live is not None and settings is not None:
        _load(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), loaded, settings)
        _load(live, loaded, settings)


def _load(into: ssl.SSLContext, loaded: Loaded, settings: Tls) -> None:
    folder = loaded.path.parent
    for name in ("cert", "key"):
        path: Path = folder / getattr(settings, name)
        try:
            path.open("rb").close()
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            raise ConfigError(f"{path} cannot be read: {why}.", path=f"server.tls.{name}") from None
    try:
        into.load_cert_chain(folder / settings.cert, folder / settings.key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{settings.cert} and {settings.key} are not a certificate and its key: {_said(error)}.",
            path="server.tls",
            hint="Both must be PEM, and the key not encrypted.",
        ) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error)
    return str(reason).lower().replace("_", " ")
