"""First steps: what `tollhouse init` and `tollhouse new-plugin` write, and what they refuse."""

import tomllib

import pytest
from tollhouse.cli import main
from tollhouse.config import parse
from tollhouse.errors import ConfigError
from tollhouse.starting.init import composed
from tollhouse.starting.new_plugin import written


def test_init_takes_the_providers_whose_keys_are_in_the_environment(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake")
    file = tmp_path / "gateway.toml"
    assert main(["init", "-c", str(file)]) == 0
    told = tomllib.loads(file.read_text())
    assert told["providers"]["openai"] == {"api_key": "${OPENAI_API_KEY}"}
    assert "simulator" not in told["providers"]
    assert any(target.startswith("openai/") for target in told["models"]["chat"])
    assert "openai" in capsys.readouterr().out
    assert "sk-fake" not in file.read_text()


def test_init_without_any_key_takes_what_needs_none_and_names_the_variables():
    text, found, missing = composed({})
    assert found == ["simulator"]
    assert "ANTHROPIC_API_KEY" in missing
    assert "# anthropic = " in text


def test_what_init_writes_is_a_configuration_with_every_provider_there_is(tmp_path):
    _, _, missing = composed({})
    environ = dict.fromkeys(missing, "fake")
    text, found, _ = composed(environ)
    config = parse(text, environ, path=tmp_path / "gateway.toml").config
    assert set(config.providers) == set(found)
    assert len(config.models["chat"].targets) == len(found)


def test_init_writes_over_nothing_unless_it_is_told_to(tmp_path, capsys):
    file = tmp_path / "gateway.toml"
    file.write_text("# mine\n")
    assert main(["init", "-c", str(file)]) == 1
    assert file.read_text() == "# mine\n"
    assert "--force" in capsys.readouterr().err
    assert main(["init", "-c", str(file), "--force"]) == 0
    assert "# mine" not in file.read_text()


@pytest.mark.parametrize("name", ["", "Big", "9lives", "two words", "a__b", "_a", "class", "providers", "a" * 3 + "-b"])
def test_a_name_that_cannot_be_a_plugins_is_refused_and_nothing_is_written(name, tmp_path):
    with pytest.raises(ConfigError):
        written(name, provider=False, into=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_nearly_one_is_mended_in_the_hint(tmp_path, capsys):
    assert main(["new-plugin", "WordGuard", "--into", str(tmp_path)]) == 1
    assert '"word_guard"' in capsys.readouterr().err


@pytest.mark.parametrize("provider", [False, True])
def test_a_project_is_written_once_and_says_what_to_do_next(provider, tmp_path, capsys):
    words = ["new-plugin", "word_guard", "--into", str(tmp_path), *(["--provider"] if provider else [])]
    assert main(words) == 0
    folder = tmp_path / "tollhouse-word-guard"
    assert f"pip install -e {folder}" in capsys.readouterr().out
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["tollhouse.plugins"] == {"word_guard": "tollhouse_word_guard:WordGuard"}
    assert all("${" not in file.read_text() for file in folder.rglob("*") if file.is_file())
    assert main(words) == 1
