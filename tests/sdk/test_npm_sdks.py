"""The SDKs that npm brings, `openai` and `@anthropic-ai/sdk`, at a served gateway: chat, streams, tools, errors."""

import json
import os
import subprocess

import pytest
from npm import installed
from tollhouse.testing import Served

pytestmark = pytest.mark.slow

PACKAGES = ("openai@6.49.0", "@anthropic-ai/sdk@1.11.0")
GATEWAY = """
plugins = ["openai", "anthropic"]

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[models]
echo = ["simulator/echo"]
tools = ["simulator/tools"]
thinker = ["simulator/thinker"]
busy = ["simulator/echo?status=429&retry_after=2"]
"""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

SCRIPTS = {
    "openai": """
import OpenAI from "openai";
const client = new OpenAI({ baseURL: process.env.URL + "/v1", apiKey: "sk-fake", maxRetries: 0 });
const parameters = JSON.parse(process.env.SCHEMA);
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const messages = [{ role: "user", content: "hello wörld" }];
const said = {};

const whole = await client.chat.completions.create({ model: "echo", messages });
said.whole = [whole.choices[0].message.content, whole.choices[0].finish_reason, whole.usage.total_tokens];

let text = "", usage = null;
const options = { stream: true, stream_options: { include_usage: true } };
for await (const chunk of await client.chat.completions.create({ model: "echo", messages, ...options })) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
said.stream = [text, usage.total_tokens];

const runner = client.chat.completions.runTools({ model: "tools", messages, tools: [{
  type: "function",
  function: { name: "weather", parameters, parse: JSON.parse, function: (args) => "sunny in " + typeof args.city },
}] });
said.tools = await runner.finalContent();

const streamed = await client.chat.completions.stream({ model: "tools", messages, tools }).finalChatCompletion();
const call = streamed.choices[0].message.tool_calls[0];
said.call = [call.function.name, Object.keys(JSON.parse(call.function.arguments)), streamed.choices[0].finish_reason];

const response = await client.responses.create({ model: "echo", input: "hello wörld" });
said.response = [response.output_text, response.status];
let final = null;
for await (const event of client.responses.stream({ model: "thinker", input: "why?" })) {
  if (event.type === "response.completed") final = event.response;
}
said.thinker = final.output.map((item) => item.type);

try { await client.chat.completions.create({ model: "busy", messages }); }
catch (error) { said.busy = [error.constructor.name, error.status, error.headers.get("retry-after")]; }
try { await client.chat.completions.create({ model: "nobody", messages }); }
catch (error) { said.nobody = [error.constructor.name, error.code]; }
console.log(JSON.stringify(said));
""",
    "anthropic": """
import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic({ baseURL: process.env.URL, apiKey: "sk-fake", maxRetries: 0 });
const tools = [{ name: "weather", input_schema: JSON.parse(process.env.SCHEMA) }];
const messages = [{ role: "user", content: "hello wörld" }];
const base = { max_tokens: 500, messages };
const said = {};

const whole = await client.messages.create({ model: "echo", ...base });
said.whole = [whole.content[0].text, whole.stop_reason, whole.usage.input_tokens + whole.usage.output_tokens];

const stream = client.messages.stream({ model: "echo", ...base });
const final = await stream.finalMessage();
said.stream = [final.content[0].text, final.usage.input_tokens + final.usage.output_tokens];

const first = await client.messages.stream({ model: "tools", ...base, tools }).finalMessage();
const call = first.content.find((block) => block.type === "tool_use");
said.call = [call.name, Object.keys(call.input), first.stop_reason];
const result = { type: "tool_result", tool_use_id: call.id, content: "sunny" };
const turns = [...messages, { role: "assistant", content: first.content }, { role: "user", content: [result] }];
const second = await client.messages.create({ model: "tools", max_tokens: 500, messages: turns, tools });
said.tools = second.content.map((block) => block.text).join("");

const thinking = { type: "enabled", budget_tokens: 1024 };
const thought = await client.messages.create({ model: "thinker", ...base, max_tokens: 2048, thinking });
said.thinker = thought.content.map((block) => block.type);

try { await client.messages.create({ model: "busy", ...base }); }
catch (error) { said.busy = [error.constructor.name, error.status, error.headers.get("retry-after")]; }
try { await client.messages.create({ model: "nobody", ...base }); }
catch (error) { said.nobody = [error.constructor.name, error.error.error.type]; }
console.log(JSON.stringify(said));
""",
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Both SDKs in one folder."""
    return installed(tmp_path_factory.mktemp("npm"), *PACKAGES)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("gate"), GATEWAY) as gate:
        yield gate
        assert gate.stop() == 0
        assert "Traceback" not in gate.output


@pytest.fixture
def said(modules, served, request):
    """What a script heard."""
    script = modules.parent / f"{request.param}.mjs"
    script.write_text(SCRIPTS[request.param])
    ran = subprocess.run(
        ["node", str(script)],
        env={"PATH": os.environ["PATH"], "URL": served.url, "SCHEMA": json.dumps(SCHEMA)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("said", ["openai"], indirect=True)
def test_openais_sdk_chats_streams_calls_tools_and_raises_its_errors(said):
    text, finish, total = said["whole"]
    assert (text, finish) == ("hello wörld", "stop")
    assert said["stream"] == [text, total]
    assert said["call"] == ["weather", ["city"], "tool_calls"]
    assert "sunny in string" in said["tools"]
    assert said["response"] == ["hello wörld", "completed"]
    assert said["thinker"] == ["reasoning", "message"]
    assert said["busy"] == ["RateLimitError", 429, "2"]
    assert said["nobody"] == ["NotFoundError", "model_not_found"]


@pytest.mark.parametrize("said", ["anthropic"], indirect=True)
def test_anthropics_sdk_chats_streams_calls_tools_and_raises_its_errors(said):
    text, stop, total = said["whole"]
    assert (text, stop) == ("hello wörld", "end_turn")
    assert said["stream"] == [text, total]
    assert said["call"] == ["weather", ["city"], "tool_use"]
    assert "sunny" in said["tools"]
    assert said["thinker"] == ["thinking", "text"]
    assert said["busy"] == ["RateLimitError", 429, "2"]
    assert said["nobody"] == ["NotFoundError", "not_found_error"]
