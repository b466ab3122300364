"""The console is a distribution of its own and needs nothing of the gateway's runtime."""

import subprocess
import sys


def loaded(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_console_imports_alone():
    assert not {"tollhouse", "httpx", "textual"} & loaded("import tollhouse_console")


def test_its_commands_load_nothing_before_they_run():
    assert not {"tollhouse", "httpx", "textual"} & loaded("import tollhouse_console.commands")


def test_the_application_loads_nothing_of_the_core():
    assert "tollhouse" not in loaded("import tollhouse_console.ui.app, tollhouse_console.tail, tollhouse_console.top")


def test_state_and_views_know_no_terminal_toolkit():
    names = ["header", "traffic", "detail", "health", "spend", "keys", "plugins", "playground", "help"]
    code = "import tollhouse_console.model.house, tollhouse_console.link, " + ", ".join(
        f"tollhouse_console.views.{name}" for name in names
    )
    assert "textual" not in loaded(code)
