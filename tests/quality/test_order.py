"""The order of the tests: fast ones first, in every folder."""

from __future__ import annotations

import subprocess
import sys

import pytest


def collected(root, *more: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *more]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.mark.slow
def test_slow_tests_of_all_folders_come_after_every_fast_one(root):
    everything, slow = collected(root), set(collected(root, "-m", "slow"))
    assert slow
    first = next(number for number, name in enumerate(everything) if name in slow)
    assert set(everything[first:]) == slow
