"""Starts the console in this terminal, or says in one sentence why it cannot."""

from __future__ import annotations

import difflib
import sys

from .access import Access


def start(access: Access, *, theme: str = "", utc: bool = False, seconds: float = 0.0) -> int:
    """Run it until the operator leaves, or for so many seconds where they are given; returns the exit code, 2 for a
    theme that there is not."""
    from .ui.app import Console

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("tollhouse: the console needs a terminal; `tollhouse tail` and `tollhouse top` do not", file=sys.stderr)
        return 1
    try:
        app = Console(access, theme=theme, utc=utc, seconds=seconds)
    except UnknownTheme as error:
        print(f"tollhouse: {error}", file=sys.stderr)
        return 2
    app.run()
    return app.return_code or 0


class UnknownTheme(ValueError):
    """There is no theme of this name; the message says which is near."""

    def __init__(self, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        super().__init__(f"no theme {name!r}; {hint}")
