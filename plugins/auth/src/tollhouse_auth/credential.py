"""Which credential a request bears, wherever its client puts it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from tollhouse import Rejected

from .secret import PREFIX

HEADERS = ("x-api-key", "x-goog-api-key", "api-key")
"""Anthropic's, Gemini's and Azure's header; OpenAI's is `authorization`."""

_IN_URL = ("key", "api_key", "api-key", "apikey", "access_token")


def read_credential(headers: Mapping[str, str], query: str) -> str:
    """The credential; empty when there is none. Raises Rejected (401) for two different ones, and for one that
    stands in the URL, where logs and browsers keep it."""
    found = {value for name in HEADERS if (value := headers.get(name, "").strip())}
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and (token := token.strip()):
        found.add(token)
    if query:
        _check_url(query, bool(found))
    if len(found) > 1:
        raise unauthenticated(
            "The request bears two different API keys. Send one: as `Authorization: Bearer KEY` or as `x-api-key`.",
            code="conflicting_credentials",
        )
    return found.pop() if found else ""


def _check_url(query: str, given: bool) -> None:
    """A provider's own parameter may be called `key`; with a credential in a header only one of ours is refused."""
    for name, value in parse_qsl(query):
        if name.lower() in _IN_URL and (not given or value.startswith(PREFIX)):
            raise unauthenticated(
                f"An API key in the URL (`?{name.lower()}=`) is not accepted, since URLs end up in logs. Send it as "
                "the header `Authorization: Bearer KEY`, `x-api-key` or `x-goog-api-key`, and have this one replaced.",
                code="key_in_url",
            )


def unauthenticated(message: str, code: str, challenge: str = "Bearer") -> Rejected:
    """A 401, with what would be accepted as RFC 9110, section 11.6.1, wants it."""
    return Rejected(message, status=401, code=code, headers={"www-authenticate": challenge})
