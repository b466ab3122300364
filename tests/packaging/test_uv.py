"""The first of README.md's two commands, with uv, in a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from machine import serving

pytestmark = pytest.mark.slow


@pytest.fixture
def uv():
    """The command uv; tests that need it are skipped where it is not installed."""
    if not (found := shutil.which("uv")):
        pytest.skip("uv is not installed")
    return found


def test_the_lock_file_is_current(uv, tree):
    done = subprocess.run([uv, "lock", "--check"], cwd=tree, capture_output=True, text=True, timeout=120)
    if "network" in done.stderr.lower() or "connect" in done.stderr.lower():
        pytest.skip(f"uv reaches no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


def test_one_command_serves_a_fresh_clone(uv, tree):
    readme = (tree / "README.md").read_text()
    assert "\npip install uv && uv run --no-dev tollhouse serve\n" in readme
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    made = subprocess.run([uv, "sync", "--no-dev"], cwd=tree, env=environ, capture_output=True, text=True, timeout=300)
    if made.returncode and ("network" in made.stderr.lower() or "connect" in made.stderr.lower()):
        pytest.skip(f"uv reaches no package index: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    with serving(uv, "run", "--no-dev", "tollhouse", "serve", folder=tree, environ=environ) as client:
        body = {"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]}
        assert client.post("/v1/chat/completions", json=body).status_code == 200
