"""Several keys of one account, used in turn: one that is refused rests, and another takes the call at once."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from .attempt import Attempt
from .errors import ConfigError, ProviderError

T = TypeVar("T")

REFUSED_REST = 600.0
"""Seconds a key rests that the upstream did not accept (401, 402, 403)."""
LIMITED_REST = 30.0
"""Seconds a key rests whose rate limit was reached (429), when the upstream did not say how long."""
LONGEST_REST = 3600.0
"""Seconds a key rests at most, whatever the upstream said."""

_TURNED_AWAY = {"credentials": REFUSED_REST, "rate_limit": LIMITED_REST}


class _State:
    """Where the turn is, and until when each key rests, by its digest; monotonic seconds."""

    def __init__(self) -> None:
        self.turn = 0
        self.rests: dict[bytes, float] = {}


class Credentials:
    """The keys of the provider `name`. Who rests is kept across reloads; no key is ever logged or shown, only its
    position, which counts from 0."""

    def __init__(self, name: str, keys: Sequence[str], gateway: Any) -> None:
        self.keys = tuple(keys)
        self._name, self._gateway = name, gateway
        self._digests = [hashlib.blake2b(key.encode(), digest_size=16).digest() for key in self.keys]
        self._state: _State = gateway.keep(f"credentials:{name}", _State) if len(self.keys) > 1 else _State()

    async def use(self, attempt: Attempt, ask: Callable[[str], Awaitable[T]], *, again: bool = True) -> T:
        """What `ask` answers with one of the keys, an empty one if there are none. While the upstream turns a key
        away, the next healthy one is tried, each once an attempt; `again=False` allows a single try, for a body that
        can be sent once. When all rest, the one that is back soonest is tried. Raises what `ask` raises, and
        `ProviderError` with the code `upstream_credentials_exhausted` when the last key was not accepted either.
        `attempt.credential` is the position of the key that was used last."""
        if len(self.keys) < 2:
            attempt.credential = 0 if self.keys else None
            return await ask(self.keys[0] if self.keys else "")
        tried: set[int] = set()
        position = self._next(tried)
        while True:
            tried.add(position)
            attempt.credential = position
            try:
                answer = await ask(self.keys[position])
            except ProviderError as error:
                if error.kind not in _TURNED_AWAY:
                    raise
                self._rest(position, error)
                healthy = self._healthy(tried)
                if not healthy and error.kind == "credentials":
                    raise _exhausted(error) from error
                if not again or not healthy:
                    raise
                attempt.exchange.note(self._name, f"key {position} was turned away ({error.kind}); another is tried")
                position = self._next(tried)
            else:
                self._state.rests.pop(self._digests[position], None)
                return answer

    def _now(self) -> float:
        return float(self._gateway.clock.monotonic())

    def _healthy(self, tried: set[int]) -> list[int]:
        now = self._now()
        return [
            n for n, digest in enumerate(self._digests) if n not in tried and self._state.rests.get(digest, 0) <= now
        ]

    def _next(self, tried: set[int]) -> int:
        """The key whose turn it is; when all rest, the one that is back soonest."""
        healthy = self._healthy(tried)
        if not healthy:
            return min(range(len(self.keys)), key=lambda n: self._state.rests.get(self._digests[n], 0))
        turn = self._state.turn % len(self.keys)
        position = min(healthy, key=lambda n: (n - turn) % len(self.keys))
        self._state.turn = position + 1
        return position

    def _rest(self, position: int, error: ProviderError) -> None:
        said = error.retry_after if error.kind == "rate_limit" else None
        seconds = _TURNED_AWAY[error.kind] if said is None else min(said, LONGEST_REST)
        digest = self._digests[position]
        self._state.rests[digest] = max(self._state.rests.get(digest, 0.0), self._now() + seconds)


def _exhausted(error: ProviderError) -> ProviderError:
    return ProviderError(
        "The upstream accepts no key of this provider any more.",
        kind="credentials",
        status=error.status,
        code="upstream_credentials_exhausted",
    )


def read_keys(one: str, several: Sequence[str], path: str) -> tuple[str, ...]:
    """The keys of the settings `api_key` and `api_keys` of the table at `path`; empty for none. Raises ConfigError when
    both are set, and for a key that no header may carry or that stands there twice."""
    if one and several:
        raise ConfigError("both api_key and api_keys are set.", path=path, hint="Keep one of them.")
    for n, key in enumerate(several):
        if not key:
            raise ConfigError("this key is empty.", path=f"{path}.api_keys[{n}]")
        if key in several[:n]:
            raise ConfigError("this key stands there twice.", path=f"{path}.api_keys[{n}]")
        if not _fits(key):
            raise ConfigError("the key contains characters that no header may carry.", path=f"{path}.api_keys[{n}]")
    if not _fits(one):
        raise ConfigError("the key contains characters that no header may carry.", path=f"{path}.api_key")
    return (one,) if one else tuple(several)


def _fits(key: str) -> bool:
    return key.isascii() and key.isprintable() and " " not in key
