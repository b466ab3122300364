"""What importing brings along, and what nobody can import."""

from __future__ import annotations

import subprocess
import sys

import pytest

CORE = "import tollhouse.gateway, tollhouse.front, tollhouse.cli, tollhouse.serve"
LOADED = "import sys; print('\\n'.join(name for name in sys.modules if '.' not in name))"


def printed(code: str, folder) -> list[str]:
    """What a fresh interpreter prints that has no folder of the project on its path."""
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_core_loads_no_plugin_no_console_and_no_terminal_toolkit(tmp_path):
    loaded = printed(f"{CORE}\n{LOADED}", tmp_path)
    assert "tollhouse" in loaded
    assert [name for name in loaded if name.startswith("tollhouse_") or name == "textual"] == []


def test_the_console_loads_nothing_of_the_core(tmp_path):
    loaded = printed(f"import tollhouse_console\n{LOADED}", tmp_path)
    assert "tollhouse_console" in loaded
    assert [name for name in loaded if name == "tollhouse" or name.startswith("tollhouse_")] == ["tollhouse_console"]


@pytest.mark.parametrize("name", ["core", "plugins", "console", "tests"])
def test_a_folder_of_the_project_is_no_module(name, root, tmp_path):
    found = printed(f"import importlib.util; print(importlib.util.find_spec({name!r}))", tmp_path)
    assert found == ["None"]
    assert not list(root.glob(f"{name}/__init__.py")) + list(root.glob(f"{name}/*/__init__.py"))
