"""Packages that npm brings into a folder of the session's, once each; absent npm, or a failing install, skips."""

import functools
import shutil
import subprocess

import pytest

SECONDS = 120
"""The longest an install may take."""


@functools.cache
def installed(folder, *packages, scripts=False):
    """The `node_modules` with these packages. Skips the test when they cannot be had. Only with `scripts` may a
    package run its own when it is installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed")
    command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages]
    try:
        subprocess.run(
            command + ([] if scripts else ["--ignore-scripts"]), check=True, capture_output=True, timeout=SECONDS
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm could not install {' '.join(packages)}: {type(error).__name__}")
    return folder / "node_modules"
