"""Whose price list a provider is billed by: told by its address, else by its kind, unless gateway.toml says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

NONE = "none"

LISTS = {
    "bedrock": "aws",
    "fireworks": "fireworks",
    "gemini": "google",
    "github": "",
    "huggingface": "",
    "moonshot": "moonshotai",
    "vertex": "google",
    "voyage": "voyageai",
    "xai": "x-ai",
    "zai": "zai",
}
"""The list of a kind that is not named like its list; empty where several vendors are behind one address."""

OWN_ADDRESS = frozenset({"azure", "bedrock", "vertex"})
"""Kinds of one vendor whatever the address: every account has its own."""


class Vendor(Protocol):
    """What is asked of a price list's vendor."""

    id: str
    api_pattern: str


def vendor_of(kind: str, base_url: str, vendors: Mapping[str, Vendor]) -> tuple[str, str]:
    """The id of the list for a provider of this kind at this address, and why; no id when nobody's prices are
    known to hold there: a host that merely speaks a vendor's dialect does not charge its prices."""
    if base_url and kind not in OWN_ADDRESS:
        found = at_address(base_url, vendors.values())
        host = urlsplit(base_url).hostname
        return (found, f"{host} is {found}'s") if found else ("", f"nobody's price list is known for {host}")
    listed = LISTS.get(kind, kind)
    if listed in vendors:
        return listed, f"the kind {kind}"
    return "", f"no price list for the kind {kind}"


def at_address(base_url: str, vendors: Iterable[Vendor]) -> str:
    """The vendor whose API is at an address."""
    for vendor in vendors:
        if re.match(vendor.api_pattern, base_url):
            return vendor.id
    return ""
