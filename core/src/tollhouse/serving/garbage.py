"""The collector of a process that serves: it need not walk through what stays for ever, nor come often.

A request leaves nothing that only the collector could free; plugins, errors and connections may.
"""

from __future__ import annotations

import gc

YOUNG = 20_000
"""Objects, made and not freed since, after which the collector looks at them: at most a few MB."""


def set_aside() -> None:
    """What is alive now stays; to be called once, when everything is made that serving needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
