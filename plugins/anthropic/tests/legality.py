"""What a legal stream is, written down without the encoder: an independent reader that refuses anything else.

Follows https://platform.claude.com/docs/en/build-with-claude/streaming and what anthropic-sdk-python accumulates.
"""

from __future__ import annotations

import json
from typing import Any

GROWS = {
    "text": {"text_delta", "citations_delta"},
    "thinking": {"thinking_delta", "signature_delta"},
    "tool_use": {"input_json_delta"},
}


def events(stream: bytes) -> list[tuple[str, Any]]:
    """The events of a stream, each with its name; every byte must belong to one."""
    found = []
    for block in stream.decode().split("\n\n")[:-1]:
        name, data = block.split("\n", 1)
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        value = json.loads(data[6:])
        assert value["type"] == name[7:]
        found.append((name[7:], value))
    assert stream == b"" or stream.endswith(b"\n\n")
    return found


def message(stream: bytes) -> dict[str, Any]:
    """The message a legal stream accumulates to; raises AssertionError for any other."""
    said: dict[str, Any] | None = None
    opened: dict[str, Any] | None = None
    partial = ""
    ended = stopped = False
    for name, event in events(stream):
        assert not stopped, "nothing follows message_stop"
        if name == "ping":
            continue
        if name == "message_start":
            assert said is None, "a message starts once"
            said = event["message"]
            assert said["content"] == []
            assert isinstance(said["usage"]["input_tokens"], int)
            assert isinstance(said["usage"]["output_tokens"], int)
            assert (said["type"], said["role"], said["stop_reason"]) == ("message", "assistant", None)
            assert isinstance(said["id"], str)
            assert said["id"]
            continue
        assert said is not None, "message_start comes first"
        if name == "content_block_start":
            assert opened is None, "blocks do not overlap"
            assert not ended
            assert event["index"] == len(said["content"]), "blocks are numbered as they open"
            opened, partial = dict(event["content_block"]), ""
            said["content"].append(opened)
        elif name == "content_block_delta":
            assert opened is not None
            assert event["index"] == len(said["content"]) - 1
            delta = event["delta"]
            assert delta["type"] in GROWS[opened["type"]]
            partial = grown(opened, delta, partial)
        elif name == "content_block_stop":
            assert opened is not None
            assert event["index"] == len(said["content"]) - 1
            if partial:
                opened["input"] = partial
            opened = None
        elif name == "message_delta":
            assert opened is None
            assert not ended
            ended = True
            assert isinstance(event["usage"]["output_tokens"], int)
            said |= event["delta"]
            said["usage"] |= event["usage"]
        elif name == "message_stop":
            assert ended
            stopped = True
        else:
            raise AssertionError(f"no such event: {name}")
    assert stopped
    assert said is not None
    return said


def grown(block: dict[str, Any], delta: dict[str, Any], partial: str) -> str:
    """Let a delta grow its block; a tool's input is gathered as text."""
    match delta["type"]:
        case "input_json_delta":
            return partial + str(delta["partial_json"])
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case kind:
            name = kind.removesuffix("_delta")
            block[name] += delta[name]
    return partial
