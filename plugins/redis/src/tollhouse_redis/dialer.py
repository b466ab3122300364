"""Getting connected: the address, the login, and whether what answers there will do."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from tollhouse.errors import ConfigError, StoreError

from .address import Address
from .link import Command, Link

log = logging.getLogger("tollhouse.store")

DIALS_WITHIN = 2.0
"""Seconds for a connection with its login."""
ASKS_AFTER = 60
"""Seconds of silence after which the system asks whether the other side is still there."""
OLDEST = (6, 2)
"""The oldest Redis that has all that the scripts use."""


class Dialer:
    """Makes connections for one store. In a cluster it remembers which node has the keys."""

    def __init__(self, address: Address) -> None:
        self._address, self._named = address, address
        self._told = False

    async def dial(self) -> Link:
        """A connection that is logged in. Raises StoreError when Redis is not there or refuses us, ConfigError when
        it is too old."""
        try:
            link, told = await _dial(self._address)
        except StoreError:
            self._address = self._named
            raise
        if not self._told:
            self._told = True
            _warn(self._address, told)
        return link

    def follow(self, error: str) -> bool:
        """Whether a reply says that the keys are on another node, which is dialled from now on."""
        word, _, rest = error.partition(" ")
        host, colon, port = rest.rpartition(" ")[2].rpartition(":")
        if word != "MOVED" or not colon:
            return False
        self._address = self._address.moved(host, int(port))
        return True


async def _dial(address: Address) -> tuple[Link, dict[str, str]]:
    """A connection with what INFO says, nothing where it is not allowed."""
    try:
        async with asyncio.timeout(DIALS_WITHIN):
            link = await _connected(address)
            try:
                return link, await _greeted(link)
            except BaseException:
                link.drop("the login failed")
                raise
    except TimeoutError:
        raise StoreError(f"Redis at {address} did not answer within {DIALS_WITHIN:g} seconds") from None
    except OSError as error:
        raise StoreError(f"Redis at {address} is not there: {error.strerror or error}") from error


async def _connected(address: Address) -> Link:
    loop = asyncio.get_running_loop()
    if address.path:
        _, link = await loop.create_unix_connection(lambda: Link(address), address.path)
    else:
        transport, link = await loop.create_connection(
            lambda: Link(address), address.host, address.port, ssl=address.context()
        )
        _keep_alive(transport.get_extra_info("socket"))
    return link


def _keep_alive(connection: socket.socket) -> None:
    """Let the system notice, and firewalls remember, an idle connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ASKS_AFTER)


async def _greeted(link: Link) -> dict[str, str]:
    address = link.address
    commands: list[Command] = []
    if address.password:
        commands.append(("AUTH", *([address.user] if address.user else []), address.password))
    if address.db:
        commands.append(("SELECT", address.db))
    commands += [("CLIENT", "SETNAME", "tollhouse"), ("INFO",)]
    replies = await link.exchange(*commands)
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, StoreError):
            raise reply
        if isinstance(reply, Exception) and command[0] in ("AUTH", "SELECT"):
            raise StoreError(f"Redis at {address} refuses {command[0]}; check user, password and database: {reply}")
        if isinstance(reply, Exception) and str(reply).startswith("NOAUTH"):
            raise StoreError(f"Redis at {address} wants a password: write it into store.url")
    told = _told(replies[-1])
    version = told.get("redis_version", "")
    if version and tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise ConfigError(
            f"Redis at {address} is too old: {version}",
            path="store.url",
            hint="Use Redis 6.2 or later, or Valkey.",
        )
    if told.get("role") == "slave":
        raise StoreError(f"Redis at {address} is a replica, which takes no writes: name its primary in store.url")
    return told


def _told(info: Any) -> dict[str, str]:
    if not isinstance(info, bytes):
        return {}
    pairs = (line.partition(":") for line in info.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _warn(address: Address, told: dict[str, str]) -> None:
    policy = told.get("maxmemory_policy", "noeviction")
    if told.get("maxmemory", "0") != "0" and policy != "noeviction":
        log.warning(
            "Redis at %s throws keys away when its memory is full (maxmemory-policy %s): limits and budgets can be "
            "lost; set it to noeviction",
            address,
            policy,
        )
