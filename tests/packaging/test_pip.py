"""Installed with plain pip on a fresh machine: it runs, serves, and takes other people's plugins."""

from __future__ import annotations

import shutil

import msgspec
import pytest
from machine import pip, serving

pytestmark = pytest.mark.slow

LISTED = """
import json
from importlib.metadata import distributions
print(json.dumps({d.name: [str(f) for f in d.files] for d in distributions() if d.name.startswith("tollhouse")}))
"""


def asks(client, model, text="Hello!"):
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    return response.json()["choices"][0]["message"]["content"]


def installed(machine):
    """Every distribution of ours and its files."""
    return msgspec.json.decode(machine.run("python", "-c", LISTED).stdout)


def test_the_command_says_its_version(machine):
    done = machine.run("tollhouse", "version")
    assert (done.returncode, done.stdout.split()[:2]) == (0, ["tollhouse", "0.1.0"]), done.stderr


def test_the_shipped_configuration_is_served_and_answers(machine, tmp_path):
    shutil.copy(machine.tree / "gateway.toml", tmp_path)
    with serving(machine.home / "bin" / "tollhouse", "serve", folder=tmp_path) as client:
        assert client.get("/readyz").status_code == 200
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["demo"]
        assert "Tollhouse" in asks(client, "demo")


def test_every_distribution_is_typed_and_brings_its_own_module_only(machine):
    found = installed(machine)
    assert {"tollhouse-core", "tollhouse-console", "tollhouse-openai", "tollhouse-simulator"} <= set(found)
    for name, files in found.items():
        if name in ("tollhouse", "tollhouse-acme"):
            continue
        module = "tollhouse" if name == "tollhouse-core" else name.replace("-", "_")
        assert f"{module}/py.typed" in files
        tops = {file.partition("/")[0] for file in files if not file.startswith("..")}
        assert {top for top in tops if not top.endswith(".dist-info")} == {module}
        assert [file for file in files if "tests" in file.split("/") and not file.endswith(".tmpl")] == []


def test_the_root_distribution_installs_without_code(extended):
    assert all(".dist-info/" in file for file in installed(extended)["tollhouse"])


def test_somebody_elses_plugin_is_installed_listed_and_served(extended, tmp_path):
    config = 'plugins = ["openai", "acme"]\nproviders.acme = { motto = "Ours" }\nmodels.best = ["acme/any"]\n'
    (tmp_path / "gateway.toml").write_text(config)
    shown = extended.run("tollhouse", "plugins", folder=tmp_path)
    assert ["acme", "tollhouse-acme", "3.2.1"] in [line.split() for line in shown.stdout.splitlines()], shown.stderr
    with serving(extended.home / "bin" / "tollhouse", "serve", folder=tmp_path) as client:
        assert asks(client, "best") == "Ours"


def test_a_provider_of_somebody_elses_plugin_is_found_without_listing_it(extended, tmp_path):
    (tmp_path / "gateway.toml").write_text('plugins = ["openai"]\n[providers]\nacme = {}\n')
    done = extended.run("tollhouse", "check", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"Anvils and more"' in done.stdout


def test_a_plugin_that_is_not_installed_is_one_clear_error(machine, tmp_path):
    (tmp_path / "gateway.toml").write_text('plugins = ["openai", "smoke_signals"]\n')
    done = machine.run("tollhouse", "serve", folder=tmp_path)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith('tollhouse: plugins[1]: the plugin "smoke_signals" is not installed.')
    assert "Installed: access_log, " in line
    assert "pip install tollhouse-smoke-signals" in line


def test_a_plugin_that_two_distributions_bring_is_one_clear_error(machine, tmp_path):
    rival = tmp_path / "tollhouse_rival-1.0.dist-info"
    rival.mkdir()
    (rival / "METADATA").write_text("Metadata-Version: 2.1\nName: tollhouse-rival\nVersion: 1.0\n")
    (rival / "entry_points.txt").write_text("[tollhouse.plugins]\nopenai = tollhouse_rival:Rival\n")
    (tmp_path / "gateway.toml").write_text('plugins = ["openai"]\n')
    done = machine.run("tollhouse", "check", folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "provided twice, by tollhouse-openai and tollhouse-rival" in line


@pytest.mark.parametrize("kind", ["plugin", "provider"])
def test_what_new_plugin_writes_is_installed_passes_its_tests_and_is_served(kind, machine, tmp_path):
    name = f"my_{kind}"
    flags = ["--provider"] if kind == "provider" else []
    told = machine.run("tollhouse", "new-plugin", name, *flags, folder=tmp_path)
    assert told.returncode == 0, told.stderr
    project = tmp_path / f"tollhouse-my-{kind}"
    done = pip("install", project, "pytest", python=machine.home / "bin" / "python", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    tested = machine.run("pytest", "-q", folder=project)
    assert tested.returncode == 0, tested.stdout
    assert "3 passed" in tested.stdout
    with serving(machine.home / "bin" / "tollhouse", "serve", folder=project) as client:
        assert asks(client, "demo")
