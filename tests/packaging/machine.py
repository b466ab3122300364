"""What a fresh machine is made of: a copy of the tree, pip, an environment, a process that serves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ACME = {
    "pyproject.toml": """
[project]
name = "tollhouse-acme"
version = "3.2.1"
dependencies = ["tollhouse-core"]

[project.entry-points."tollhouse.plugins"]
acme = "tollhouse_acme:Acme"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
""",
    "tollhouse_acme.py": '''
"""Somebody else's plugin: a provider that says its motto."""

import msgspec
from tollhouse import SimpleProvider


class Motto(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    motto: str = "Anvils and more"


class Acme(SimpleProvider):
    Settings = Motto

    async def generate(self, request):
        yield self.settings.motto
''',
}


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the copy lies, and where it is installed."""

    tree: Path
    home: Path

    def run(self, *command: str | Path, folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """A command of the virtual environment, in a folder of its own unless another is given."""
        program, *rest = map(str, command)
        return subprocess.run(
            [str(self.home / "bin" / program), *rest],
            cwd=folder or self.home,
            env={"PATH": f"{self.home / 'bin'}:/usr/bin:/bin", "HOME": str(self.home), **environ},
            capture_output=True,
            text=True,
            timeout=120,
        )


def copied(root: Path, to: Path) -> Path:
    """The tree without what git and tools keep in it."""

    def unwanted(folder: str, names: list[str]) -> set[str]:
        hidden = {name for name in names if name.startswith(".") and name not in (".ci", ".gitignore")}
        return hidden | {name for name in names if name in ("__pycache__", "dist")}

    shutil.copytree(root, to, ignore=unwanted)
    return to


def pip(*words: str | Path, python: Path | None = None, folder: Path) -> subprocess.CompletedProcess[str]:
    """pip as the user's own environment configures it."""
    command = [str(python or sys.executable), "-m", "pip", *map(str, words), "--quiet", "--disable-pip-version-check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@contextmanager
def serving(*command: str | Path, folder: Path, environ: dict[str, str] | None = None) -> Iterator[httpx.Client]:
    """A client of a gateway that a command serves on a free port; ended by SIGTERM."""
    process = subprocess.Popen(
        [*map(str, command), "--listen", "127.0.0.1:0"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line)
            if "listens on" in line:
                break
        assert lines, "the gateway printed nothing"
        assert "listens on" in lines[-1], "".join(lines)
        with httpx.Client(base_url=lines[-1].split()[-1], timeout=30) as client:
            yield client
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    assert process.returncode == 0
