"""Where a webhook may not lead: into the gateway's own network, however its address is written or resolved."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from tollhouse.transport.dial import dial

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, best first; raises OSError."""

TRY = 5.0
"""Seconds one of several addresses has to answer before the next is tried."""

_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_NUMERIC = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")
_CARRIERS = {
    "::/96": "an IPv4 address in IPv6",
    "::ffff:0:0/96": "an IPv4 address in IPv6",
    "::ffff:0:0:0/96": "an IPv4 address in IPv6",
    "64:ff9b::/96": "an IPv4 address behind NAT64",
    "64:ff9b:1::/48": "an IPv4 address behind NAT64",
    "2002::/16": "an IPv4 address behind 6to4",
    "2001::/32": "an IPv4 address behind Teredo",
    "fec0::/10": "a private address",
}
_CARRYING = [(IPv6Network(network), words) for network, words in _CARRIERS.items()]


class Forbidden(OSError):
    """This address is not for webhooks."""


def private(address: str) -> str:
    """Why no webhook may go to an IP address; empty when it may: it is public, and says itself where it leads."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.is_loopback or ip.is_unspecified:
            return "the machine itself"
        for network, words in _CARRYING:
            if ip in network:
                return words
    if ip.is_loopback or ip.is_unspecified:
        return "the machine itself"
    if ip.is_link_local:
        return "a link-local address"
    if ip.is_multicast:
        return "a multicast address"
    if not ip.is_global:
        return "a private or reserved address"
    return ""


def allowed(allow: Sequence[str], host: str, address: str = "") -> bool:
    """Whether `allow` names the host, the address, or a network that the address is in."""
    if host.lower() in (entry.lower().strip("[]") for entry in allow):
        return True
    if not address:
        return False
    ip = ip_address(address.partition("%")[0])
    networks = [network for entry in allow if (network := as_network(entry)) is not None]
    return any(ip.version == network.version and ip in network for network in networks)


def as_network(entry: str) -> Any:
    """The network that an address or a prefix stands for; None when the text is a name."""
    try:
        return ip_network(entry.strip("[]"))
    except ValueError:
        return None


def check_url(url: str, allow: Sequence[str] = ()) -> None:
    """Raises ValueError, saying why in words that do not hold the URL, unless it is an absolute http or https URL
    whose host is a name, or an address that webhooks may go to."""
    host = host_of(url)
    try:
        ip: IPv4Address | IPv6Address | None = ip_address(host)
    except ValueError:
        ip = None
    if ip is None:
        if _NUMERIC.fullmatch(host.rpartition(".")[2]):
            raise ValueError("its host is a number in disguise; write an address as 203.0.113.7")
        if ":" in host or "%" in host:
            raise ValueError("its host cannot be read")
        if host.endswith("."):
            raise ValueError("its host ends in a dot")
        return
    if (why := private(host)) and not allowed(allow, host, host):
        raise ValueError(f"it leads to {why}; name it in allow = [...] if that is meant")


def host_of(url: str) -> str:
    """The host of a URL as it is looked up: in lower case, without brackets. Raises ValueError."""
    if _CONTROL.search(url):
        raise ValueError("it holds a space, a backslash or a control character")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        named = (host or "").encode("ascii" if (host or "").isascii() else "idna").decode().lower()
    except ValueError:
        raise ValueError("it has no readable host or port") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("it does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("it holds a user name; send credentials as headers")
    if not named:
        raise ValueError("it has no host")
    return named


class Door:
    """Resolves a host once a connection and connects to what it was told then, never to a private address that
    `allow` does not name; a host with one forbidden address among others is refused as a whole."""

    def __init__(self, allow: Sequence[str] = (), resolve: Resolve | None = None) -> None:
        self._allow, self._resolve = allow, resolve or look_up

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connected socket, as `tollhouse.transport.dial.dial`. Raises Forbidden, or OSError."""
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        for address in addresses:
            if (why := private(address)) and not allowed(self._allow, host, address):
                raise Forbidden(f"{host} is {why}, {address}, which `allow` does not name")
        failure = OSError("it has no address")
        for address in addresses:
            try:
                async with asyncio.timeout(TRY if address is not addresses[-1] else None):
                    return await dial(address, port)
            except OSError as error:
                failure = error
        raise failure


async def look_up(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(where[0]) for _, _, _, _, where in found]
