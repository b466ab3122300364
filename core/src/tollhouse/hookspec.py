"""How a hook is declared: pluggy's marker plus the step's kind, time limit and error policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pluggy

PROJECT = "tollhouse"
F = TypeVar("F", bound=Callable[..., Any])

_mark = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a plugin's method as the implementation of the hook of that name."""

Kind = Literal["each", "reverse", "first", "gather", "wrap"]


@dataclass(frozen=True, slots=True)
class Spec:
    """The declared behaviour of one hook."""

    name: str
    kind: Kind
    limit: float
    """Seconds an asynchronous implementation may take; 0 for synchronous hooks and `wrap`, which have none."""
    closed: bool
    """Whether a failing implementation ends the exchange (closed) or is logged and skipped (open)."""
    sync: bool
    args: tuple[str, ...]
    """The arguments an implementation may ask for, in order; it may leave out any."""


def hookspec(kind: Kind, *, limit: float = 0.0, closed: bool = True, sync: bool = False) -> Callable[[F], F]:
    """Declare a hook; usable by plugins for hooks of their own (`hookspecs = Module` on the plugin class).

    `each` runs every implementation in the plugins' order, `reverse` in the opposite order, `first` until one
    answers other than None, `gather` joins the lists they return, `wrap` nests async iterators with the
    first listed plugin outermost.
    """

    def declare(function: F) -> F:
        code = function.__code__
        args = tuple(a for a in code.co_varnames[: code.co_argcount] if a != "self")
        spec = Spec(function.__name__, kind, 0.0 if sync or kind == "wrap" else limit or 30.0, closed, sync, args)
        function.tollhouse_step = spec  # type: ignore[attr-defined]
        return _mark(function)

    return declare
