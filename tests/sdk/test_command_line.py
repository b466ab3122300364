"""The command line as operators meet it: exit codes, and mistakes told in one sentence."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tollhouse.testing import Served

pytestmark = pytest.mark.slow

FINE = 'plugins = ["openai"]\n[providers]\nsimulator = {}\n[models]\ndemo = ["simulator/demo"]\n'


@pytest.fixture
def tollhouse(tmp_path):
    """Run a command in a folder with a gateway.toml."""

    def call(*words, config=FINE, **environ):
        if config is not None:
            (tmp_path / "gateway.toml").write_text(config)
        known = {name: value for name, value in os.environ.items() if not name.startswith("TOLLHOUSE_")}
        return subprocess.run(
            [sys.executable, "-m", "tollhouse", *words],
            cwd=tmp_path,
            env={**known, "COLUMNS": "100", **environ},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


def complaint(done):
    """What a command that failed for the operator's sake said."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("tollhouse: ")
    return line


def test_help_reads_well_and_names_every_command(tollhouse):
    done = tollhouse("--help", config=None)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "A plugin-based reverse proxy for LLM traffic." in done.stdout
    for command in ("serve", "check", "plugins", "version"):
        assert f"    {command} " in done.stdout


@pytest.mark.parametrize("command", ["serve", "check", "plugins", "version"])
def test_every_command_explains_itself(tollhouse, command):
    done = tollhouse(command, "--help", config=None)
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: tollhouse {command}")


def test_no_command_prints_the_help_and_an_unknown_one_is_bad_usage(tollhouse):
    done = tollhouse(config=None)
    assert done.returncode == 2
    assert "commands:" in done.stdout
    done = tollhouse("surve", config=None)
    assert done.returncode == 2
    assert "surve" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_told(tollhouse):
    done = tollhouse("version", config=None)
    assert done.returncode == 0
    assert done.stdout == f"tollhouse 0.1.0 on Python {sys.version.split()[0]}\n"


def test_the_script_and_the_module_are_the_same_command(tollhouse):
    script = Path(sys.executable).with_name("tollhouse")
    if not script.exists():
        pytest.skip("no script was installed beside this Python")
    done = subprocess.run([script, "version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, tollhouse("version", config=None).stdout)


def test_check_says_every_value_and_where_it_came_from_but_no_secret(tollhouse):
    config = FINE + '[providers.acme]\nkind = "openai"\nbase_url = "http://127.0.0.1:1/v1"\napi_key = "${ACME_KEY}"\n'
    config = config.replace("[providers]\nsimulator = {}", "[providers.simulator]")
    done = tollhouse("check", config=config, ACME_KEY="sk-canary-1234567890")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "gateway.toml:" in lines["plugins"]
    assert "(default)" in lines["server.max_body"]
    assert "ACME_KEY" in lines["providers.acme.api_key"]
    assert "canary" not in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("gateway.toml is fine: 2 plugins, 2 providers")


def test_a_quiet_check_says_nothing_when_all_is_fine(tollhouse):
    done = tollhouse("check", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_check_reads_the_file_it_is_given_by_option_or_environment(tollhouse, tmp_path):
    (tmp_path / "other.toml").write_text(FINE)
    assert tollhouse("check", "-q", "-c", "other.toml", config="nonsense").returncode == 0
    assert tollhouse("check", "-q", config="nonsense", TOLLHOUSE_CONFIG="other.toml").returncode == 0


def test_plugins_prints_who_implements_which_hook_in_which_order(tollhouse):
    done = tollhouse("plugins")
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    assert ["openai", "tollhouse-openai", "0.1.0"] in words
    assert ["providers", "gather", "closed", "openai", "->", "simulator"] in words
    assert ["dialects", "gather", "closed", "openai"] in words


MISTAKES = pytest.mark.parametrize(
    ("config", "words"),
    [
        (FINE + "[server]\nlissten = '127.0.0.1:0'\n", ["server.lissten", "listen"]),
        (FINE + "[providers.x]\nkind = 'openai'\napi_kee = 'k'\n", ["providers.x.api_kee", "api_key"]),
        (FINE + "[providers.x]\nkind = 'openai'\napi_key = '${NO_SUCH_KEY}'\n", ["providers.x.api_key", "NO_SUCH_KEY"]),
        (FINE.replace('"openai"', '"openay"'), ["plugins[0]", "openay", "openai", "pip install"]),
        (FINE.replace('"openai"', '"openai", "./mine.py"'), ["plugins[1]", "./mine.py"]),
        (FINE + "nobody = ['nowhere/x']\n", ["models.nobody", "nowhere"]),
        (FINE + "[server]\nmax_body = '32 elephants'\n", ["server.max_body", "32 elephants", "MiB"]),
        (FINE + "[server\n", ["gateway.toml", "6"]),
        (FINE + "[store]\nurl = 'mongodb://x'\n", ["store.url", "mongodb"]),
    ],
    ids=["key", "provider-key", "variable", "plugin", "file", "provider", "amount", "syntax", "store"],
)


@MISTAKES
def test_a_mistake_in_the_configuration_is_told_in_one_sentence(tollhouse, config, words):
    line = complaint(tollhouse("check", config=config))
    for word in words:
        assert word in line


@pytest.mark.parametrize("command", ["plugins", "serve"])
def test_every_command_that_reads_the_configuration_tells_its_mistakes(tollhouse, command):
    assert "server.lissten" in complaint(tollhouse(command, config=FINE + "[server]\nlissten = '127.0.0.1:0'\n"))


def test_no_configuration_at_all_is_told_with_where_it_was_sought(tollhouse):
    assert "gateway.toml" in complaint(tollhouse("check", config=None))
    assert "nowhere.toml" in complaint(tollhouse("serve", "-c", "nowhere.toml", config=None))


def test_a_wrong_address_is_told(tollhouse):
    assert "--listen" in complaint(tollhouse("serve", "--listen", "nonsense"))


def test_a_port_in_use_is_told_with_what_to_do(tollhouse):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = complaint(tollhouse("serve", "--listen", address))
    assert address in line
    assert "in use" in line
    assert "server.listen" in line


def test_the_port_of_a_gateway_that_runs_is_not_taken_from_it(tollhouse, tmp_path_factory):
    with Served(tmp_path_factory.mktemp("first"), FINE) as served:
        assert "in use" in complaint(tollhouse("serve", "--listen", served.url.removeprefix("http://")))
        assert served.process.poll() is None


def test_a_plugin_file_that_cannot_be_imported_is_told_with_the_reason(tollhouse, tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    line = complaint(tollhouse("check", config=FINE.replace('"openai"', '"openai", "./broken.py"')))
    assert "broken.py" in line
    assert "nothing_of_that_name" in line
