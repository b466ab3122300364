"""The files of the project, for tests that read all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILT = frozenset({"__pycache__", "dist", "build"})
"""Folders that no file of the project is in; hidden ones but .ci are not read either."""


def project_files(root: Path) -> list[Path]:
    """Every file git tracks or would add; without git or its folder, every file that is not hidden or built."""
    if shutil.which("git") and (root / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout.decode()
        return sorted(path for name in listed.split("\0") if name and (path := root / name).is_file())
    found = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name == ".ci" or not (name.startswith(".") or name in BUILT)]
        found += [Path(folder) / name for name in names]
    return sorted(found)


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """Every file of the project."""
    return project_files(root)


@pytest.fixture(scope="session")
def texts(files: list[Path]) -> dict[Path, str]:
    """Every text file of the project and what it says, but for the lock file, which only tools read."""
    said = {}
    for path in files:
        raw = path.read_bytes()
        if path.name != "uv.lock" and b"\0" not in raw:
            said[path] = raw.decode()
    return said
