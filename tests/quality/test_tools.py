"""The linters, the type checker and the import contracts, each as its own command line runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def passes(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-2000:]}"


def test_ruff_finds_nothing(root):
    passes(root, sys.executable, "-m", "ruff", "check", ".")


def test_every_file_is_formatted(root):
    passes(root, sys.executable, "-m", "ruff", "format", "--check", ".")


@pytest.mark.slow
def test_the_types_hold(root):
    passes(root, sys.executable, "-m", "mypy")


def test_the_import_contracts_hold(root):
    passes(root, str(Path(sys.executable).with_name("lint-imports")))
