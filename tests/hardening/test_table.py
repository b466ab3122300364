"""Every requirement on what callers and upstreams may do to the gateway has a test."""

from pathlib import Path

import pytest
from table import ELSEWHERE, MEANINGS, gathered, table

FAULTS = [
    "client leaves, non-stream -> upstream closed",
    "client leaves mid-stream",
    "client leaves after headers, before first token",
    "50 aborted streams, upstream conns alive after 3 s",
    "SSE 1 byte at a time, CRLF, comments, gzip",
    "upstream dies mid-stream",
    "upstream ends cleanly without finish/[DONE]",
    'mid-stream `{"error":...}`',
    "upstream stalls mid-stream",
    "429 with retry-after",
    "upstream response headers",
    "HTML or cut JSON with 200",
    "64 MiB body",
    "JSONTestSuite n_ inside the body (188)",
    "nesting 1e5",
    "duplicate Content-Length",
    "CL + TE",
    "trickled headers, 50 conns",
    "trickled body",
    "cookies",
    "api_base/api_key/extra_headers in body",
    "SIGTERM during stream",
]


@pytest.mark.slow
def test_every_fault_and_every_requirement_has_a_proof():
    proofs = gathered()
    assert [name for name in (*FAULTS, *MEANINGS) if name not in proofs and name not in ELSEWHERE] == []
    assert all(f"| {name}" in table() for name in FAULTS)


def test_every_proof_elsewhere_is_there():
    root = Path(__file__).parents[2]
    named = [
        path.strip() for proofs in ELSEWHERE.values() for proof in proofs for path in proof.split(" (")[0].split(",")
    ]
    assert [path for path in named if not (root / path).exists()] == []
