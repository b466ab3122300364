"""A short run of the soak harness: nothing grows, and nothing fails that was not asked to."""

import importlib.util
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

OPTIONS = ("--seconds", "60", "--rate", "30", "--memory", "1.25")
"""A minute is shorter than what the ratios were made for, hence the room for what has not warmed up yet."""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_mixture_of_everything_leaves_memory_and_files_as_they_were(root):
    engines = ["hypercorn", "uvicorn"] if importlib.util.find_spec("uvicorn") else ["hypercorn"]
    command = (sys.executable, root / "tests/benchmarks/soak.py", *OPTIONS)
    runs = [
        subprocess.Popen((*command, "--engine", name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name in engines
    ]
    said = [run.communicate(timeout=240)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * len(engines), "\n".join(said)
    assert all("unexplained 0" in one for one in said)
