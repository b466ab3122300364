"""Where a request to the admin API may come from: by a host name that is ours, and from no other site's page.

A page that was loaded from `evil.example`, whose name then leads to this machine (DNS rebinding), asks with its own
name as `Host`; one that asks across sites says so as `Origin`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tollhouse import Rejected

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\Z", re.ASCII)


def check_origin(headers: Mapping[str, str], hosts: Collection[str]) -> None:
    """Raises Rejected (403) for a request that came by another host's name, or from another site's page. `hosts` are
    the names that are ours, besides IP addresses and `localhost`."""
    host = headers.get("host", "")
    if not _ours(host, hosts):
        raise _refused(f"The admin API is not to be had as `{host[:100]}`. Name the host in [admin] hosts.", "bad_host")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        raise _refused("The admin API answers no page of another site.", "bad_origin")


def _ours(host: str, hosts: Collection[str]) -> bool:
    found = _HOST.match(host)
    if found is None:
        return False
    name = found[1].lower()
    if name == "localhost" or name in hosts:
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _refused(message: str, code: str) -> Rejected:
    return Rejected(message, status=403, code=code)
