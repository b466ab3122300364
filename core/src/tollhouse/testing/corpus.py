"""Recordings of real provider traffic, for tests that replay them; absent ones make such tests skip.

They are looked for in `corpus` below the folder that TOLLHOUSE_RECORDINGS names, by default one beside the repository.
`index.jsonl` lists the files; each holds one exchange: `{id, provider, endpoint, request, response: {status,
headers, body}}`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded exchange. `name` is its file below the corpus, good as a test's id."""

    name: str
    provider: str
    endpoint: str
    status: int
    kind: str
    """How the response's body is given: `json`, `sse`, `ndjson`, `text`, `chunks`, `aws-eventstream`, `binary`."""
    tags: tuple[str, ...]
    file: Path

    def load(self) -> dict[str, Any]:
        """The whole record."""
        record: dict[str, Any] = msgspec.json.decode(self.file.read_bytes())
        return record

    def request(self) -> bytes | None:
        """The request's body as JSON; None when it was not recorded or is not JSON."""
        request = self.load().get("request")
        body = request["body"] if request else {}
        return msgspec.json.encode(body["json"]) if body.get("kind") == "json" else None

    def path(self) -> str:
        """The request's path and query; empty when not recorded."""
        return str(self.load().get("path") or "")

    def reply(self) -> bytes:
        """The response's body. Byte-exact for streams; JSON is written anew, and chunks get one SSE event each."""
        body = self.load()["response"]["body"]
        match body["kind"]:
            case "json":
                return msgspec.json.encode(body["json"])
            case "chunks":
                lines = str(body["text"]).splitlines()
                return b"".join(b"data: " + line.encode() + b"\n\n" for line in lines if line)
            case "aws-eventstream" | "binary":
                return base64.b64decode(body["base64"])
            case "empty":
                return b""
            case _:
                return str(body["text"]).encode()


def root() -> Path | None:
    """Where the recordings are; None when there are none."""
    given = os.environ.get("TOLLHOUSE_RECORDINGS")
    start = Path(__file__).resolve()
    candidates = [Path(given)] if given else [parent.parent / "shared" for parent in start.parents]
    return next((c / "corpus" for c in candidates if (c / "corpus" / "index.jsonl").is_file()), None)


@cache
def _index() -> tuple[Recording, ...]:
    folder = root()
    if folder is None:
        return ()
    rows = (msgspec.json.decode(line) for line in (folder / "index.jsonl").read_bytes().splitlines() if line)
    return tuple(
        Recording(
            row["file"],
            row["provider"],
            row["endpoint"],
            row["status"],
            row["kind"],
            tuple(row["tags"]),
            folder / row["file"],
        )
        for row in rows
    )


def recordings(*endpoints: str, kinds: tuple[str, ...] = ("json", "sse")) -> Iterator[Recording]:
    """The recordings of these endpoints (all, if none is named) with these kinds of bodies, in the index's order."""
    for recording in _index():
        if (not endpoints or recording.endpoint in endpoints) and recording.kind in kinds:
            yield recording
