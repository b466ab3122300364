"""What the READMEs show is true: configurations pass `check`, code runs, links lead somewhere."""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping

import msgspec
import pytest
from readme import CORE, READMES, ROOT, blocks, named, sections
from tollhouse.cli import main
from tollhouse.config import load, parse
from tollhouse.gateway import Gateway
from tollhouse.hooks import JOURNEY
from tollhouse.testing import Client, Served, gateway, run

CHAT = "/v1/chat/completions"
TOML = [block for file in READMES for block in blocks(file, "toml")]
PYTHON = [block for file in READMES for block in blocks(file, "python")]
SHELL = [block for file in READMES for block in blocks(file, "sh")]


class Anything(Mapping):
    """An environment in which every variable is set, to what its name says it is."""

    def __getitem__(self, name):
        if name.endswith("_URL"):
            return "https://example.com/fake"
        return f"whsec_{'fake' * 8}" if name.startswith("WEBHOOK_SECRET") else f"fake-{name}"

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


def asks(model, text):
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def said(response):
    return response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("block", TOML, ids=str)
def test_a_configuration_passes_check(block, tmp_path, monkeypatch):
    if block.name not in ("", "gateway.toml"):
        tomllib.loads(block.text)
        return
    monkeypatch.chdir(tmp_path)
    loaded = parse(block.text, Anything())
    for other in blocks(block.file, "python"):
        if f"./{other.name}" in loaded.config.plugins:
            (tmp_path / other.name).write_text(other.text)
    Gateway(loaded)


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_code_compiles(block):
    compile(block.text, str(block), "exec")


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_shell_is_shell(block):
    subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)


@pytest.mark.parametrize("file", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(file):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
        assert target.startswith("https://") or (file.parent / target).exists(), target
    for target, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", file.read_text()):
        titles = sections(file.parent / target if target else file)
        assert anchor in {re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in titles}


def test_the_first_configuration_passes_check_in_ten_lines(tmp_path, monkeypatch, capsys):
    [first, *_] = [block.text for block in blocks(ROOT / "README.md", "toml")]
    (tmp_path / "gateway.toml").write_text(first)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake")
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert "gateway.toml is fine" in printed
    assert "sk-fake" not in printed
    assert len(first.splitlines()) <= 10


def test_the_first_configuration_names_the_variable_it_misses(tmp_path, monkeypatch, capsys):
    [first, *_] = [block.text for block in blocks(ROOT / "README.md", "toml")]
    (tmp_path / "gateway.toml").write_text(first)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["check"]) == 1
    assert "OPENAI_API_KEY" in capsys.readouterr().err


def test_the_provider_of_the_readme_is_listed_by_its_path_and_answers(tmp_path):
    code = named(ROOT / "README.md", "my_provider.py")
    assert len(code.splitlines()) <= 20
    (tmp_path / "my_provider.py").write_text(code)
    [config] = [block.text for block in blocks(ROOT / "README.md", "toml") if "my_provider.py" in block.text]

    async def answer():
        async with gateway(config, folder=tmp_path) as gate:
            client = Client(gate)
            streamed = await client.post(CHAT, asks("loud", "hello there") | {"stream": True})
            return await client.post(CHAT, asks("loud", "hello there")), streamed

    whole, streamed = run(answer())
    assert said(whole) == "HELLO THERE "
    assert whole.json()["usage"]["total_tokens"] == 4
    assert whole.headers["x-tollhouse-target"] == "my_provider/any"
    events = [line[6:] for line in streamed.body.decode().split("\n") if line.startswith("data: {")]
    deltas = [choice["delta"] for event in events for choice in msgspec.json.decode(event)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "HELLO THERE "
    assert streamed.body.endswith(b"data: [DONE]\n\n")


def test_the_hook_plugin_of_the_readme_turns_keys_away(tmp_path):
    (tmp_path / "no_keys.py").write_text(named(ROOT / "README.md", "no_keys.py"))
    config = 'plugins = ["openai", "./no_keys.py"]\nproviders.simulator = { ttft = "off", tokens_per_second = 0 }\n'

    async def answers():
        async with gateway(config, folder=tmp_path) as gate:
            client = Client(gate)
            return [await client.post(CHAT, asks("simulator/echo", text)) for text in ("hi", "-BEGIN PRIVATE KEY-")]

    let_in, turned_away = run(answers())
    assert said(let_in) == "hi"
    assert (turned_away.status, turned_away.json()["error"]["code"]) == (403, "private_key")


def test_the_plugin_and_its_tests_in_the_core_readme_pass(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("polite.py", "test_polite.py"):
        (tmp_path / name).write_text(named(CORE, name))
    spec = importlib.util.spec_from_file_location("test_polite", tmp_path / "test_polite.py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        tests = [one for name, one in inspect.getmembers(module, inspect.isfunction) if name.startswith("test_")]
        assert len(tests) == 2
        for test in tests:
            test()
    finally:
        sys.modules.pop("polite", None)


def test_the_diagram_shows_every_hook_in_its_order():
    [diagram] = [block.text for block in blocks(ROOT / "README.md", "text") if "authenticate" in block.text]
    once = ("startup", "shutdown", "providers", "dialects", "endpoints", "price")
    way = [name for name in JOURNEY if name not in once]
    left = [found[1] for line in diagram.splitlines() if (found := re.match(r"[ |]*([a-z]+) ", line))]
    assert [name for name in left if name in JOURNEY] == way
    assert all(re.search(rf"\b{name}\b", diagram) for name in once)


def test_the_box_holds_what_there_is():
    listed = re.findall(r"^\| \[?`?(tollhouse[\w-]*)", sections(ROOT / "README.md")["What is in the box"], re.MULTILINE)
    members = [*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml"), ROOT / "pyproject.toml"]
    assert sorted(listed) == sorted(tomllib.loads(path.read_text())["project"]["name"] for path in members)


@pytest.mark.slow
def test_serving_prints_what_the_readme_shows_and_the_sdk_reads_the_answer(tmp_path):
    [shown] = [block.text for block in blocks(ROOT / "README.md", "text") if "listens on" in block.text]
    shipped = (ROOT / "gateway.toml").read_text()
    assert str(load(ROOT / "gateway.toml", {}).config.server.listen) in shown
    with Served(tmp_path, shipped) as gate:
        gate.wait_for("Hello!")
        assert gate.output == shown.replace("http://127.0.0.1:8080", gate.url)
        [curl] = [block.text for block in SHELL if block.file == ROOT / "README.md" and "curl" in block.text]
        command = ["sh", "-c", curl.replace("http://127.0.0.1:8080", gate.url)]
        streamed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        code = named(ROOT / "README.md", "hello.py").replace("http://127.0.0.1:8080", gate.url)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert streamed.endswith("data: [DONE]\n\n")
    assert "plugin" in done.stdout
