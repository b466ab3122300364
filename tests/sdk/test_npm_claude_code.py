"""Claude Code, as its makers ship it, works through the gateway: a tool call, its answer, and the last word."""

import json
import os
import shutil
import subprocess

import pytest
from house import USAGE, chunk
from npm import installed
from tollhouse.testing import Served, sse
from tollhouse.testing.upstream import scripted

pytestmark = pytest.mark.slow

PACKAGE = "@anthropic-ai/claude-code@2.1.197"
GATEWAY = """
plugins = ["openai", "anthropic"]

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[providers.up]
kind = "openai"
base_url = "{url}/v1"
api_key = "sk-fake-upstream"
responses = "no"

[models]
tools = ["simulator/tools"]
gpt = ["up/gpt-5"]
"""


@pytest.fixture(scope="module")
def claude(tmp_path_factory):
    """The program: the one that is installed, else one that npm brings into a folder that goes away."""
    if found := shutil.which("claude"):
        yield found
        return
    folder = tmp_path_factory.mktemp("npm")
    yield str(installed(folder, PACKAGE, scripts=True) / ".bin" / "claude")
    shutil.rmtree(folder, ignore_errors=True)


def told(claude, folder, url, model, tool):
    """What the program printed, line by line, after it was asked about the files."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    (work / "notes.txt").write_text("the word is heliotrope\n")
    command = [claude, "-p", "What do my notes say?", "--model", model, "--tools", tool, "--allowedTools", tool]
    ran = subprocess.run(
        [*command, "--output-format", "stream-json", "--verbose"],
        cwd=work,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "sk-fake",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def test_claude_code_calls_a_tool_and_takes_its_answer_back(claude, tmp_path):
    with Served(tmp_path, GATEWAY.format(url="http://127.0.0.1:9")) as served:
        said = told(claude, tmp_path, served.url, "tools", "Glob")
        assert served.stop() == 0
        assert "Traceback" not in served.output
    last = said[-1]
    assert (last["type"], last["subtype"], last["num_turns"]) == ("result", "success", 2)
    assert last["result"].startswith("The tools answered: "), "the answer of the tool reached the model"
    assert last["usage"]["output_tokens"] > 0


def test_claude_code_works_with_a_model_of_openais_api(claude, tmp_path, up, elsewhere):
    notes = tmp_path / "work" / "notes.txt"

    def answer(request):
        body = request.json()
        results = [message["content"] for message in body["messages"] if message["role"] == "tool"]
        if not results:
            arguments = json.dumps({"file_path": str(notes)})
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "Read", "arguments": ""}}
            more = {"index": 0, "function": {"arguments": arguments}}
            parts = [chunk({"tool_calls": [call]}), chunk({"tool_calls": [more]}), chunk(finish="tool_calls")]
        else:
            words = "They say heliotrope." if "heliotrope" in str(results[-1]) else f"I was told {results[-1]}."
            parts = [chunk({"content": words}), chunk(finish="stop")]
        return scripted(sse(chunk({"role": "assistant"}), *parts, chunk(usage=USAGE)))

    up.then(answer)
    with Served(tmp_path, GATEWAY.format(url=elsewhere.url)) as served:
        said = told(claude, tmp_path, served.url, "gpt", "Read")
        assert served.stop() == 0
        assert "Traceback" not in served.output
    assert said[-1]["result"] == "They say heliotrope."
    first, *_, last = [request.json() for request in up.requests]
    assert [tool["function"]["name"] for tool in first["tools"]] == ["Read"]
    assert first["messages"][0]["role"] == "system"
    assert last["messages"][-1]["role"] in ("tool", "user")
