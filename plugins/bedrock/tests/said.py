"""What Bedrock says in these tests, and how its streams and signatures are checked: with botocore's own code."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import EventStreamJSONParser
from tollhouse.testing.upstream import Request
from tollhouse_bedrock.eventstream import CONTENT_TYPE, event

STREAMED = {"content-type": CONTENT_TYPE}
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
USAGE: dict[str, Any] = {
    "inputTokens": 10,
    "outputTokens": 4,
    "totalTokens": 21,
    "cacheReadInputTokens": 5,
    "cacheWriteInputTokens": 2,
}
BODY: dict[str, Any] = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
                {"text": "hello"},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "f", "input": {"a": 1}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": USAGE,
    "metrics": {"latencyMs": 7},
}
SHAPE = (
    botocore.session.Session()
    .get_service_model("bedrock-runtime")
    .operation_model("ConverseStream")
    .output_shape.members["stream"]
)


def delta(index: int, said: dict[str, Any]) -> bytes:
    """A piece of a block, with the padding that Bedrock adds."""
    return event("contentBlockDelta", contentBlockIndex=index, delta=said, p="abcdef")


def stop(index: int) -> bytes:
    return event("contentBlockStop", contentBlockIndex=index, p="abc")


def call(index: int, id_: str = "tooluse_1", name: str = "f") -> bytes:
    return event("contentBlockStart", contentBlockIndex=index, start={"toolUse": {"toolUseId": id_, "name": name}})


BEGUN = event("messageStart", p="abc", role="assistant")
ENDED = event("messageStop", stopReason="tool_use") + event("metadata", usage=USAGE, metrics={"latencyMs": 7})
EVENTS = [
    BEGUN,
    delta(0, {"reasoningContent": {"text": "h"}}),
    delta(0, {"reasoningContent": {"text": "m"}}),
    delta(0, {"reasoningContent": {"signature": "sig"}}),
    stop(0),
    delta(1, {"text": "hel"}),
    delta(1, {"text": "lo"}),
    stop(1),
    call(2),
    delta(2, {"toolUse": {"input": '{"a":'}}),
    delta(2, {"toolUse": {"input": " 1}"}}),
    stop(2),
    event("messageStop", stopReason="tool_use"),
    event("metadata", usage=USAGE, metrics={"latencyMs": 7}),
]
STREAM = b"".join(EVENTS)
"""The same reply as `BODY`."""


def parsed(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream as boto3's users see them; every byte must belong to one. Exceptions are `error`."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    found, size = [], 0
    for one in buffer:
        size += one.prelude.total_length
        response = one.to_response_dict()
        said = EventStreamJSONParser().parse(response, SHAPE)
        found.append({"error": said["Error"]} if response["status_code"] != 200 else said)
    assert size == len(stream)
    return [one for one in found if one]


def message(stream: bytes) -> dict[str, Any]:
    """The reply a legal stream accumulates to; raises AssertionError for any other."""
    events = parsed(stream)
    blocks: list[dict[str, Any]] = []
    opened: int | None = None
    names = [next(iter(one)) for one in events]
    assert names[0] == "messageStart"
    assert names[-2:] == ["messageStop", "metadata"]
    assert names.count("messageStart") == names.count("messageStop") == names.count("metadata") == 1
    for one in events[1:-2]:
        [(name, said)] = one.items()
        index = said["contentBlockIndex"]
        if opened is None:
            assert index == len(blocks), "blocks are numbered as they open"
            assert name != "contentBlockStop", "no block is empty"
            blocks.append({})
            opened = index
        assert index == opened, "blocks do not overlap"
        if name == "contentBlockStart":
            assert not blocks[-1]
            blocks[-1] = {"toolUse": {**said["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            _grow(blocks[-1], said["delta"])
        else:
            opened = None
    assert opened is None, "every block ends"
    return {"content": blocks, **events[-2]["messageStop"], **events[-1]["metadata"]}


def _grow(block: dict[str, Any], said: dict[str, Any]) -> None:
    [(kind, value)] = said.items()
    if kind == "text":
        block["text"] = block.get("text", "") + value
    elif kind == "toolUse":
        block["toolUse"]["input"] += value["input"]
    elif kind == "citation":
        block.setdefault("citations", []).append(value)
    else:
        for name, piece in value.items():
            inner = block.setdefault("reasoningContent", {})
            inner[name] = inner[name] + piece if name in inner else piece


def check_signature(request: Request, secret: str, region: str) -> str:
    """That botocore would have signed this request so; returns the access key's id."""
    given = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=(\w+)/\d+/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), "
        r"Signature=([0-9a-f]{64})",
        request.headers["authorization"],
    )
    assert given
    names = given[4].split(";")
    assert {"host", "x-amz-date"} <= set(names)
    assert all(name in names for name in request.headers if name.startswith("x-amz-"))
    assert (given[2], given[3]) == (region, "bedrock")
    headers = {name: request.headers[name] for name in names}
    again = AWSRequest(
        method=request.method, url=f"http://{headers['host']}{request.path}", data=request.body, headers=headers
    )
    again.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(given[1], secret), "bedrock", region)
    assert signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again) == given[5]
    return given[1]
