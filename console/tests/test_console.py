"""The console is a distribution of its own and needs nothing of the gateway's runtime."""

import subprocess
import sys


def test_the_console_imports_alone():
    found = subprocess.run(
        [sys.executable, "-c", "import sys, tollhouse_console; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "tollhouse_console" in found
    assert not {"tollhouse", "httpx", "textual"} & set(found)
