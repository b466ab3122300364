""".ci/run ends as the tests end, and gets uv by itself where it is missing."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

FAKE_UV = """#!/bin/sh
echo "uv $*"
exit ${FAKE_CODE:-0}
"""

FAKE_PYTHON = """#!/bin/sh
case "$*" in
    "-m pip install --quiet uv") echo "error: externally-managed-environment" >&2; exit 1 ;;
    "-m pip install"*--break-system-packages*) cp "$FAKE_UV" "$FAKE_USER/uv" ;;
    "- user") echo "$FAKE_USER" ;;
    "-") echo /nowhere ;;
    *) exit 9 ;;
esac
"""


@pytest.fixture
def commands(tmp_path):
    """A folder of commands that stands alone on the PATH: what the script uses, and the fakes a test writes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "bash", "dirname", "id", "git", "cp", "cat"):
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


def fake(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return path


def ran(root, commands, *words, **environ):
    command = [root / ".ci" / "run", *words]
    env = {"PATH": str(commands), "HOME": str(commands), **environ}
    return subprocess.run(command, env=env, cwd=commands, capture_output=True, text=True, timeout=60)


def test_it_is_executable_and_runs_the_command_of_the_readme(root):
    assert os.access(root / ".ci" / "run", os.X_OK)
    assert "\npip install uv && uv run pytest\n" in (root / "README.md").read_text()


@pytest.mark.parametrize("code", [0, 1, 5])
def test_it_ends_as_the_tests_end(root, commands, code):
    fake(commands / "uv", FAKE_UV)
    done = ran(root, commands, "-x", FAKE_CODE=str(code))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (code, "uv run pytest -x"), done.stderr


def test_it_installs_uv_beside_an_interpreter_of_the_system(root, commands, tmp_path):
    user = tmp_path / "user"
    user.mkdir()
    fake(commands / "python3", FAKE_PYTHON)
    done = ran(root, commands, FAKE_UV=str(fake(tmp_path / "uv", FAKE_UV)), FAKE_USER=str(user))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "uv run pytest"), done.stderr


def test_a_system_package_that_cannot_be_installed_stops_nothing(root, commands):
    fake(commands / "uv", FAKE_UV)
    (commands / "git").unlink(missing_ok=True)
    fake(commands / "apt-get", "#!/bin/sh\nexit 100\n")
    fake(commands / "sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    done = ran(root, commands)
    assert done.returncode == 0
    assert "git could not be installed" in done.stderr
