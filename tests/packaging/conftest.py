"""A fresh machine: a copy of the tree, and a virtual environment that pip installed it into."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from machine import ACME, Machine, copied, pip  # found in this folder


@pytest.fixture(scope="session")
def tree(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project."""
    return copied(root, tmp_path_factory.mktemp("clone") / "tollhouse")


@pytest.fixture(scope="session")
def machine(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The copy installed with plain pip, as README.md says. Skips when there is no package index to ask."""
    home = tmp_path_factory.mktemp("machine") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = home / "bin" / "python"
    asked = pip(
        "download", "hatchling", "--no-deps", "--retries", "0", "-d", home / "spare", python=python, folder=tree
    )
    if asked.returncode:
        pytest.skip(f"pip reaches no package index: {asked.stderr.strip().splitlines()[-1]}")
    members = ["./core", "./console", *(f"./plugins/{one.name}" for one in sorted((tree / "plugins").iterdir()))]
    done = pip("install", *members, python=python, folder=tree)
    assert done.returncode == 0, done.stderr
    return Machine(tree, home)


@pytest.fixture(scope="session")
def extended(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The same machine with somebody else's plugin, and with the distribution that depends on all of ours."""
    acme = tmp_path_factory.mktemp("acme")
    for name, text in ACME.items():
        (acme / name).write_text(text)
    done = pip("install", "--no-deps", acme, ".", python=machine.home / "bin" / "python", folder=machine.tree)
    assert done.returncode == 0, done.stderr
    return machine
