"""The benchmark runs, and its tables have what they should; how fast anything is does not matter here."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

TARGETS = ["bare-hypercorn", "nothing8-hypercorn"]


def test_the_tables_have_a_row_for_each_target_and_no_answer_was_wrong(root):
    command = (sys.executable, root / "tests/benchmarks/gateways.py", "--markdown")
    options = ("--seconds", "0.3", "--rounds", "1", "--concurrency", "4", "--only", ",".join(TARGETS))
    done = subprocess.run((*command, *options), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    tables = done.stdout.split("\n\n")[:3]
    for table, kind in zip(tables, ("requests, c=4", "streams, c=4", "process"), strict=True):
        head, _, *rows = table.strip().splitlines()
        assert kind in head
        assert [row.split()[1] for row in rows] == TARGETS
        assert all(re.search(r"\| +[\d,.]+ ", row) for row in rows), table
    assert "Ratios within this run are what counts" in done.stdout


def test_a_target_that_is_not_known_is_named(root):
    command = (sys.executable, root / "tests/benchmarks/gateways.py", "--only", "apache")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "apache is not known; there are " in done.stderr
    assert "bare-hypercorn" in done.stderr
