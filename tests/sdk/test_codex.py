"""OpenAI's Codex, as its makers ship it, works through the gateway: a tool call, its answer, and the last word."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from npm import installed
from tollhouse.testing import Served

pytestmark = pytest.mark.slow

PACKAGE = "@openai/codex@0.169.0"
GATEWAY = """
plugins = ["openai"]

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[models]
tools = ["simulator/tools"]
"""
SETTINGS = """
model = "tools"
model_provider = "gateway"

[model_providers.gateway]
name = "gateway"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
request_max_retries = 0
stream_max_retries = 0
"""


@pytest.fixture(scope="module")
def codex(tmp_path_factory):
    """The program: the one that is installed, else one that npm brings into a folder that goes away."""
    if found := shutil.which("codex"):
        yield found
        return
    folder = tmp_path_factory.mktemp("npm")
    yield str(installed(folder, PACKAGE) / ".bin" / "codex")
    shutil.rmtree(folder, ignore_errors=True)


def test_codex_calls_a_tool_and_takes_its_answer_back(codex, tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    with Served(tmp_path, GATEWAY) as served:
        Path(home, "config.toml").write_text(SETTINGS.format(url=served.url))
        ran = subprocess.run(
            [codex, "exec", "--skip-git-repo-check", "--json", "--sandbox", "read-only", "List the files."],
            cwd=work,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home), "GATEWAY_KEY": "sk-fake"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert served.stop() == 0
        assert "Traceback" not in served.output
    assert ran.returncode == 0, ran.stderr
    said = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    texts = [one["item"]["text"] for one in said if one.get("item", {}).get("type") == "agent_message"]
    assert texts
    assert texts[-1].startswith("The tools answered: "), "the answers of the tools reached the model"
    assert said[-1]["type"] == "turn.completed"
    assert said[-1]["usage"]["output_tokens"] > 0
