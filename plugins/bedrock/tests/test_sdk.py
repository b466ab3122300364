"""boto3 at a served gateway over TLS, and OpenAI's and Anthropic's clients at Bedrock: all read what was said."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from said import BODY, STREAM, STREAMED, check_signature
from tollhouse.testing import Served, Upstream
from tollhouse_bedrock.eventstream import exception

boto3 = pytest.importorskip("boto3")
botocore_config = pytest.importorskip("botocore.config")
x509 = pytest.importorskip("cryptography.x509")

pytestmark = pytest.mark.slow

SECRET = "fakeSecretAccessKey0123456789"
KEY_PLUGIN = """
from tollhouse import Principal, hookimpl

class Key:
    @hookimpl
    async def authenticate(self, exchange):
        return Principal(key="k") if exchange.headers.get("authorization") == "Bearer fake-gateway-key" else None
"""
CONFIG = """
plugins = [{plugins}"anthropic", "bedrock", "openai", "simulator"]
undeclared_models = true
[server]
{server}
[providers.simulator]
ttft = "off"
tokens_per_second = 0
[providers.aws]
kind = "bedrock"
base_url = "{url}"
region = "eu-west-1"
access_key = "AKIAFAKE"
secret_key = "{secret}"
[providers.gpt]
kind = "openai"
base_url = "{url}/v1"
api_key = "sk-fake"
[models]
echo = ["simulator/echo"]
thinker = ["simulator/thinker"]
tools = ["simulator/tools"]
claude = ["aws/eu.anthropic.claude-sonnet-4-5-v1:0"]
gpt = ["gpt/m"]
"""
HI: list[dict[str, Any]] = [{"role": "user", "content": [{"text": "hi there"}]}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]}


class Elsewhere:
    """An upstream on a thread of its own, since the SDKs' calls block."""

    def __enter__(self) -> Elsewhere:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.up = Upstream()
        asyncio.run_coroutine_threadsafe(self.up.__aenter__(), self._loop).result(10)
        return self

    def say(self, body: Any, status: int = 200, **headers: str) -> None:
        """Answer whatever is asked next with this."""
        self.up._scripts.clear()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.up.answer(body, status, {**(STREAMED if isinstance(body, bytes) else {}), **given})

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.up.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine's own address, which signs itself, and its key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def secure(
    tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere, certificate: tuple[Path, Path]
) -> Iterator[Served]:
    cert, key = certificate
    server = f'tls = {{ cert = "{cert}", key = "{key}" }}'
    with _served(tmp_path_factory.mktemp("secure"), elsewhere, server=server, plugins='"./key.py", ') as served:
        yield served


def _served(folder: Path, elsewhere: Elsewhere, *, server: str = "", plugins: str = "") -> Served:
    (folder / "key.py").write_text(KEY_PLUGIN)
    return Served(folder, CONFIG.format(url=elsewhere.up.url, secret=SECRET, server=server, plugins=plugins))


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Served]:
    with _served(tmp_path_factory.mktemp("gate"), elsewhere) as served:
        yield served


@pytest.fixture
def client(secure: Served, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client as its users make it: the gateway's key is the bearer token."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "fake-gateway-key")
    return _client(secure.url, verify=str(certificate[0]))


def _client(url: str, **more: Any) -> Any:
    config = botocore_config.Config(retries={"total_max_attempts": 1}, read_timeout=30)
    return boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=config, **more)


def _collected(response: Any) -> dict[str, Any]:
    """A stream put together the way its users do."""
    blocks: dict[int, dict[str, Any]] = {}
    said: dict[str, Any] = {}
    for one in response["stream"]:
        [(name, fields)] = one.items()
        block = blocks.setdefault(fields["contentBlockIndex"], {}) if "contentBlockIndex" in fields else {}
        if name == "contentBlockStart":
            block["toolUse"] = {**fields["start"]["toolUse"], "input": ""}
        elif name == "contentBlockDelta":
            [(kind, value)] = fields["delta"].items()
            if kind == "text":
                block["text"] = block.get("text", "") + value
            elif kind == "toolUse":
                block["toolUse"]["input"] += value["input"]
            else:
                for inner, piece in value.items():
                    block.setdefault(kind, {})[inner] = block.get(kind, {}).get(inner, "") + piece
        elif name in ("messageStop", "metadata"):
            said |= fields
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {**said, "content": [blocks[n] for n in sorted(blocks)]}


def _asked(client: Any, stream: bool, **ask: Any) -> dict[str, Any]:
    if stream:
        return _collected(client.converse_stream(**ask))
    response = client.converse(**ask)
    return {**response, "content": response["output"]["message"]["content"]}


BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@BOTH
def test_any_providers_model_talks_to_boto3(client: Any, stream: bool) -> None:
    said = _asked(client, stream, modelId="thinker", messages=HI, inferenceConfig={"maxTokens": 500})
    kinds = [next(iter(block)) for block in said["content"]]
    assert kinds == ["reasoningContent", "text"]
    assert said["content"][1]["text"]
    assert said["stopReason"] == "end_turn"
    assert said["usage"]["inputTokens"] > 0
    assert said["usage"]["totalTokens"] == said["usage"]["inputTokens"] + said["usage"]["outputTokens"]
    assert said["metrics"]["latencyMs"] >= 0


@BOTH
def test_a_tool_is_called_and_answered(client: Any, stream: bool) -> None:
    ask: dict[str, Any] = {"modelId": "tools", "toolConfig": {**TOOLS, "toolChoice": {"any": {}}}}
    said = _asked(client, stream, messages=HI, **ask)
    assert said["stopReason"] == "tool_use"
    [call] = [block["toolUse"] for block in said["content"] if "toolUse" in block]
    assert call["name"] == "weather"
    assert isinstance(call["input"]["city"], str)
    answer = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"json": {"sky": "blue"}}]}}
    turns = [*HI, {"role": "assistant", "content": said["content"]}, {"role": "user", "content": [answer]}]
    again = _asked(client, stream, messages=turns, modelId="tools", toolConfig=TOOLS)
    assert again["stopReason"] == "end_turn"


def test_a_model_of_openais_talks_to_boto3(client: Any, elsewhere: Elsewhere) -> None:
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Rome"}'}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
    ]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
    lines = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in [*chunks, last, usage])
    elsewhere.say(lines + b"data: [DONE]\n\n", content_type="text/event-stream")
    said = _asked(client, True, modelId="gpt", messages=HI, toolConfig=TOOLS)
    assert [block["toolUse"]["input"] for block in said["content"]] == [{"city": "Rome"}, {"city": "Oslo"}]
    assert (said["stopReason"], said["usage"]["inputTokens"], said["usage"]["outputTokens"]) == ("tool_use", 7, 3)


@BOTH
def test_what_bedrock_says_arrives_whole(client: Any, elsewhere: Elsewhere, stream: bool) -> None:
    elsewhere.say(STREAM if stream else BODY)
    said = _asked(client, stream, modelId="claude", messages=HI, requestMetadata={"a": "b"})
    reasoning = {"text": "hm", "signature": "sig"}
    assert said["content"] == [
        {"reasoningContent": reasoning if stream else {"reasoningText": reasoning}},
        {"text": "hello"},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "f", "input": {"a": 1}}},
    ]
    assert (said["usage"], said["metrics"]) == (BODY["usage"], {"latencyMs": 7})
    sent = elsewhere.up.requests[-1]
    assert sent.json() == {"messages": HI, "requestMetadata": {"a": "b"}}
    assert sent.path.startswith("/model/eu.anthropic.claude-sonnet-4-5-v1%3A0/")
    assert check_signature(sent, SECRET, "eu-west-1") == "AKIAFAKE"
    assert "fake-gateway-key" not in str(sent.headers)


def test_a_models_own_name_may_have_colons_and_slashes(client: Any, elsewhere: Elsewhere) -> None:
    elsewhere.say(BODY)
    arn = "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.a.b-v1:0"
    client.converse(modelId=f"aws/{arn}", messages=HI)
    assert elsewhere.up.requests[-1].path == f"/model/{arn.replace(':', '%3A').replace('/', '%2F')}/converse"


def test_tokens_are_counted(client: Any, elsewhere: Elsewhere) -> None:
    elsewhere.say({"inputTokens": 19})
    assert client.count_tokens(modelId="claude", input={"converse": {"messages": HI}})["inputTokens"] == 19


def test_other_operations_pass_through(client: Any, elsewhere: Elsewhere) -> None:
    elsewhere.say({"completion": "x"})
    said = client.invoke_model(modelId="a.b-v1:0", body=b'{"prompt": "x"}', guardrailIdentifier="g", trace="ENABLED")
    assert json.loads(said["body"].read()) == {"completion": "x"}
    sent = elsewhere.up.requests[-1]
    assert (sent.path, sent.body) == ("/model/a.b-v1%3A0/invoke", b'{"prompt": "x"}')
    assert sent.headers["x-amzn-bedrock-guardrailidentifier"] == "g"
    check_signature(sent, SECRET, "eu-west-1")


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "ValidationException"),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
        (529, "ServiceUnavailableException"),
    ],
)
def test_an_error_has_the_class_its_users_catch(client: Any, status: int, name: str) -> None:
    text = f"hi [[fault: status={status}]]"
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        client.converse(modelId="echo", messages=[{"role": "user", "content": [{"text": text}]}])
    assert caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["RequestId"].startswith("req_")


def test_an_unknown_model_is_not_found(client: Any) -> None:
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="nope"):
        client.converse_stream(modelId="nope", messages=HI)


def test_a_stream_that_breaks_raises(client: Any, elsewhere: Elsewhere) -> None:
    from botocore.exceptions import EventStreamError

    text = "one two three four five six [[fault: error_after=3 status=529]]"
    said = client.converse_stream(modelId="echo", messages=[{"role": "user", "content": [{"text": text}]}])
    with pytest.raises(EventStreamError, match="serviceUnavailableException"):
        list(said["stream"])
    elsewhere.say(exception("throttlingException", message="slow down"))
    with pytest.raises(client.exceptions.ThrottlingException, match="slow down"):
        client.converse_stream(modelId="claude", messages=HI)


def test_a_signing_client_is_understood_too(gate: Served, elsewhere: Elsewhere) -> None:
    elsewhere.say(BODY)
    client = _client(gate.url, aws_access_key_id="AKIACALLER", aws_secret_access_key="callers-own")
    assert client.converse(modelId="claude", messages=HI)["output"]["message"]["content"][1] == {"text": "hello"}
    assert check_signature(elsewhere.up.requests[-1], SECRET, "eu-west-1") == "AKIAFAKE"


def test_a_key_is_sent_over_plain_http_as_the_readme_says(tmp_path: Path, elsewhere: Elsewhere) -> None:
    from botocore import UNSIGNED

    with _served(tmp_path, elsewhere, plugins='"./key.py", ') as served:
        config = botocore_config.Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=served.url, config=config)
        with pytest.raises(client.exceptions.AccessDeniedException, match="No valid API key"):
            client.converse(modelId="echo", messages=HI)
        client.meta.events.register(
            "before-send.bedrock-runtime",
            lambda request, **_: request.headers.update(Authorization="Bearer fake-gateway-key"),
        )
        assert client.converse(modelId="echo", messages=HI)["stopReason"] == "end_turn"


@BOTH
def test_openais_client_talks_to_bedrock(gate: Served, elsewhere: Elsewhere, stream: bool) -> None:
    openai = pytest.importorskip("openai")
    elsewhere.say(STREAM if stream else BODY)
    with openai.OpenAI(base_url=gate.url + "/v1", api_key="sk-fake", max_retries=0, timeout=30) as made:
        ask: dict[str, Any] = {"model": "claude", "messages": [{"role": "user", "content": "hi"}]}
        if not stream:
            said = made.chat.completions.create(**ask)
        else:
            with made.chat.completions.stream(**ask, stream_options={"include_usage": True}) as events:
                said = events.get_final_completion()
    [choice] = said.choices
    assert choice.message.content == "hello"
    [call] = choice.message.tool_calls
    assert (call.id, call.function.name, json.loads(call.function.arguments)) == ("tooluse_1", "f", {"a": 1})
    assert choice.finish_reason == "tool_calls"
    assert (said.usage.prompt_tokens, said.usage.completion_tokens, said.usage.total_tokens) == (17, 4, 21)
    assert said.usage.prompt_tokens_details.cached_tokens == 5


@BOTH
def test_anthropics_client_talks_to_bedrock_and_its_thoughts_go_back(
    gate: Served, elsewhere: Elsewhere, stream: bool
) -> None:
    anthropic = pytest.importorskip("anthropic")
    elsewhere.say(STREAM if stream else BODY)
    with anthropic.Anthropic(base_url=gate.url, api_key="sk-fake", max_retries=0, timeout=30) as made:
        ask: dict[str, Any] = {"model": "claude", "max_tokens": 5000}
        hi = {"role": "user", "content": "hi"}
        if stream:
            with made.messages.stream(messages=[hi], **ask) as events:
                said = events.get_final_message()
        else:
            said = made.messages.create(messages=[hi], **ask)
        thought, text, call = said.content
        assert (thought.thinking, thought.signature, text.text) == ("hm", "sig", "hello")
        assert (call.id, call.name, call.input) == ("tooluse_1", "f", {"a": 1})
        assert said.stop_reason == "tool_use"
        usage = said.usage
        assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (10, 5, 4)
        assert usage.cache_creation_input_tokens == 2
        elsewhere.say(BODY)
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "42"}
        turns = [hi, {"role": "assistant", "content": said.content}, {"role": "user", "content": [result]}]
        tools = [{"name": "f", "input_schema": {"type": "object"}}]
        made.messages.create(messages=turns, tools=tools, **ask)
    assert elsewhere.up.requests[-1].json()["messages"][1:] == [
        {"role": "assistant", "content": BODY["output"]["message"]["content"]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "42"}]}}]},
    ]
