"""A secret in a file that is made once and read by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_once(file: Path, text: str) -> None:
    """Write `text` into the file, and its folder, unless there is one. Several processes may come at once: the first to
    link its draft wins, and nobody reads half a file. Raises OSError."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as opened:
            opened.write(text + "\n")
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
