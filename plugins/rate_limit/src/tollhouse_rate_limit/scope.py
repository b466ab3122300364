"""Whom a limit counts: what an exchange is, dimension by dimension, and the counter's key made of it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from tollhouse import Exchange, Target
from tollhouse.config import Rate, allows

PLUGIN = "rate_limit"
LONGEST = 512
"""Bytes of a store's key."""

UPSTREAM = frozenset({"provider", "target"})
"""Dimensions that need a target."""

Values = tuple[str, ...]


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """Whom an address stands for: of IPv6 the whole /64 that one customer gets, else the address itself."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False)) if isinstance(ip, IPv6Address) else str(ip)


_READ: dict[str, Callable[[Exchange, Target | None], str]] = {
    "caller": lambda exchange, _: caller(exchange),
    "key": lambda exchange, _: exchange.principal.key,
    "user": lambda exchange, _: exchange.principal.user,
    "team": lambda exchange, _: exchange.principal.team,
    "model": lambda exchange, _: exchange.model,
    "provider": lambda _, target: target.provider if target else "",
    "target": lambda _, target: target.name if target else "",
    "ip": lambda exchange, _: network(exchange.origin),
}


def caller(exchange: Exchange) -> str:
    """Who calls: the key, else the user, else the address the call came from."""
    principal = exchange.principal
    if principal.key:
        return f"key {principal.key}"
    return f"user {principal.user}" if principal.user else f"address {network(exchange.origin)}"


def scopes(
    by: Sequence[str], matches: Mapping[str, tuple[str, ...]], exchange: Exchange, target: Target | None
) -> list[Values]:
    """The combinations of values this exchange counts for, one value a dimension; several only through tags, of which
    those count that fit `matches`. None when it lacks one of them, or a dimension waits for a target."""
    every = (dict.fromkeys(_values(word, exchange, target)) for word in by)
    fitting = ((v for v in values if allows(matches.get(word), v)) for word, values in zip(by, every, strict=True))
    return list(itertools.product(*fitting))


def fits(dimension: str, patterns: Sequence[str], exchange: Exchange, target: Target | None) -> bool:
    """Whether one of the exchange's values has a pattern; none fits it while the exchange has no value."""
    return any(allows(patterns, value) for value in _values(dimension, exchange, target))


def _values(word: str, exchange: Exchange, target: Target | None) -> Sequence[str]:
    read = _READ.get(word)
    if read is not None:
        value = read(exchange, target)
        return (value,) if value else ()
    tags = exchange.principal.tags
    if word == "tag":
        return tags
    name = word.removeprefix("tag:")
    return [tag[len(name) + 1 :] for tag in tags if tag.startswith((f"{name}=", f"{name}:"))]


def counter_key(limit: str, by: tuple[str, ...], values: Values, rate: Rate) -> str:
    """`rate_limit:LIMIT:SCOPE:RATE`. A scope too long for the store stands as its SHA-256."""
    scope = ",".join(f"{word}={_plain(value)}" for word, value in zip(by, values, strict=True))
    key = f"{PLUGIN}:{_plain(limit)}:{scope}:{rate}"
    if len(key.encode()) > LONGEST:
        key = f"{PLUGIN}:{_plain(limit)}:sha256={hashlib.sha256(scope.encode()).hexdigest()}:{rate}"
    return key


def _plain(text: str) -> str:
    """The text without what separates a key's parts, so that no two scopes share a key."""
    for mark in "%:,=":
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text
