"""What can go wrong on the way upstream, each said once, in the words every transport shares."""

from __future__ import annotations

from ..errors import ProviderError


def unreachable(host: str, why: str) -> ProviderError:
    """There is no connection; `why` ends the sentence."""
    return ProviderError(f"No connection to {host} could be made {why}.", kind="connect", code="upstream_unreachable")


def cut(why: str) -> ProviderError:
    """The connection broke before the reply's end."""
    return ProviderError(f"The connection to the upstream broke off ({why}).", kind="cut", code="upstream_cut")


def malformed(why: str) -> ProviderError:
    """The upstream sent bytes that are no HTTP reply."""
    return ProviderError(
        f"The upstream's reply is not well-formed HTTP ({why}).", kind="bad_reply", code="upstream_bad_reply"
    )


def undecodable(why: str) -> ProviderError:
    """The reply's content coding is broken, unknown here, or a bomb."""
    return ProviderError(
        f"The upstream's reply could not be decompressed ({why}).", kind="bad_reply", code="upstream_bad_reply"
    )


def too_large(limit: int) -> ProviderError:
    """The reply has more bytes than its reader takes."""
    return ProviderError(
        f"The upstream's reply is larger than {limit} bytes.", kind="bad_reply", code="upstream_too_large"
    )


def unsendable(why: str) -> ProviderError:
    """The call itself cannot be put on the wire; nothing was sent. Never quotes a header's value."""
    return ProviderError(f"The request cannot be sent upstream: {why}.", kind="invalid", code="unsendable_request")
