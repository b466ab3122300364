"""Through a gateway to an upstream on a real socket: what is sent, and what comes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from said import ASK, BODY, EVENTS, STREAM, STREAMED, check_signature, parsed
from tollhouse import Attempt, ConfigError, Exchange, hookimpl
from tollhouse.events import RequestEnded
from tollhouse.gateway import Gateway
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse_bedrock import Bedrock
from tollhouse_bedrock.eventstream import event, exception
from tollhouse_simulator import Simulator

SECRET = "fakeSecretAccessKeyCanary0123456789abcdef"
TOKEN = "fake-session-token-canary-0123456789abcdef"
KEYS = f'access_key = "AKIAFAKEFAKEFAKEFAKE"\nsecret_key = "{SECRET}"\nregion = "eu-west-1"\n'
PATH = "/model/host/m/"


@asynccontextmanager
async def served(up: Upstream, more: str = "", proof: str = KEYS) -> AsyncIterator[Gateway]:
    config = f'[providers.host]\nkind = "bedrock"\nbase_url = "{up.url}"\n{proof}{more}\n'
    async with gateway(config, Bedrock) as made:
        yield made


def test_a_body_passes_byte_for_byte_both_ways() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            raw = b'{ "output": {"message": {"content": [ ]}}, "stopReason":"end_turn", "new": 1.50 }'
            up.answer(raw, **{"x-amzn-requestid": "up-1"})
            asked = b'{ "messages" : [{"role":"user","content":[{"text":"x"}]}], "promptVariables": {"n": 1e3} }'
            response = await Client(made).post(PATH + "converse", asked)
            assert (response.status, response.body) == (200, raw)
            assert response.headers["content-type"] == "application/json"
            assert response.headers["x-amzn-requestid"].startswith("req_")
            assert response.headers["x-tollhouse-upstream-request-id"] == "up-1"
            assert response.headers["x-tollhouse-target"] == "host/m"
            assert "x-tollhouse-translation" not in response.headers
            [sent] = up.requests
            assert (sent.path, sent.body) == ("/model/m/converse", asked)
            assert sent.headers["accept"] == "application/json"
            assert sent.headers["user-agent"].startswith("tollhouse/")

    run(scenario())


def test_a_stream_passes_byte_for_byte_however_it_arrives() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer([STREAM[n : n + 37] for n in range(0, len(STREAM), 37)], headers=STREAMED)
            response = await Client(made).post(PATH + "converse-stream", ASK)
            assert (response.status, response.body) == (200, STREAM)
            assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
            assert up.requests[0].path == "/model/m/converse-stream"
            assert up.requests[0].headers["accept"] == "application/vnd.amazon.eventstream"

    run(scenario())


@pytest.mark.parametrize(
    "model", ["us.anthropic.claude-x-v1:0", "arn:aws:bedrock:eu-west-1:1:inference-profile/a.b", "a b/ü"]
)
def test_every_call_bears_a_signature_that_botocore_would_make(model: str) -> None:
    async def scenario() -> None:
        more = f'session_token = "{TOKEN}"\nheaders = {{ "X-Team" = "a" }}\n[models]\nfast = ["host/{model}"]'
        async with Upstream() as up, served(up, more) as made:
            up.answer(BODY)
            assert (await Client(made).post("/model/fast/converse", ASK)).status == 200
            [sent] = up.requests
            assert check_signature(sent, SECRET, "eu-west-1") == "AKIAFAKEFAKEFAKEFAKE"
            assert sent.headers["x-amz-security-token"] == TOKEN
            assert sent.headers["x-team"] == "a"
            assert "/" not in sent.path.removeprefix("/model/").removesuffix("/converse")

    run(scenario())


def test_a_large_body_is_signed_too() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            ask = {"messages": [{"role": "user", "content": [{"text": "x" * 2_000_000}]}]}
            assert (await Client(made).post(PATH + "converse", ask)).status == 200
            check_signature(up.requests[0], SECRET, "eu-west-1")

    run(scenario())


def test_an_api_key_is_a_bearer_token_and_needs_no_region() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, proof='api_key = "fake-bedrock-key"\n') as made:
            up.answer(BODY)
            assert (await Client(made).post(PATH + "converse", ASK)).status == 200
            assert up.requests[0].headers["authorization"] == "Bearer fake-bedrock-key"
            assert "x-amz-date" not in up.requests[0].headers
            assert (await Client(made).post("/model/m/invoke", b"x" * 100_000)).status == 200
            assert up.requests[1].headers["authorization"] == "Bearer fake-bedrock-key"
            assert (up.requests[1].headers["content-length"], len(up.requests[1].body)) == ("100000", 100_000)

    run(scenario())


def test_an_api_key_that_is_turned_away_rests_and_another_takes_the_call() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up, proof='api_keys = ["fake-a", "fake-b"]\n') as made:
            up.answer({"message": "no"}, 403, **{"x-amzn-errortype": "AccessDeniedException"})
            up.answer(BODY)
            for _ in range(2):
                assert (await Client(made).post(PATH + "converse", ASK)).status == 200
            assert [sent.headers["authorization"][-6:] for sent in up.requests] == ["fake-a", "fake-b", "fake-b"]

    run(scenario())


def test_a_credential_that_a_plugin_chose_goes_before_the_providers() -> None:
    class Chooser:
        @hookimpl
        async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
            attempt.headers["Authorization"] = "Bearer chosen"

    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "bedrock"\nbase_url = "{up.url}"\n{KEYS}'
            async with gateway(config, Bedrock, Chooser) as made:
                up.answer(BODY)
                assert (await Client(made).post(PATH + "converse", ASK)).status == 200
                assert up.requests[0].headers["authorization"] == "Bearer chosen"
                assert "x-amz-date" not in up.requests[0].headers

    run(scenario())


def test_no_credential_of_the_caller_goes_upstream() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(BODY)
            mine = {
                "authorization": "AWS4-HMAC-SHA256 Credential=MINE/x, SignedHeaders=host, Signature=mine",
                "x-amz-security-token": "mine",
                "x-amz-date": "mine",
                "cookie": "mine",
            }
            client = Client(made, mine)
            for path in (PATH + "converse", "/model/m/invoke", "/host/model/m/invoke"):
                assert (await client.post(path, ASK)).status == 200
                assert "mine" not in str(up.requests[-1].headers).lower()
                check_signature(up.requests[-1], SECRET, "eu-west-1")

    run(scenario())


def test_keys_come_from_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile gate]\nregion = ap-south-1\ncredential_process = /bin/cat given\n")
    said = {"Version": 1, "AccessKeyId": "ASIAFAKE", "SecretAccessKey": SECRET, "SessionToken": TOKEN}
    (tmp_path / "given").write_text(json.dumps({**said, "Expiration": "2099-01-01T00:00:00Z"}))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        async with Upstream() as up, served(up, proof='profile = "gate"\n') as made:
            up.answer(BODY)
            for _ in range(2):
                assert (await Client(made).post(PATH + "converse", ASK)).status == 200
                assert check_signature(up.requests[-1], SECRET, "ap-south-1") == "ASIAFAKE"
                assert up.requests[-1].headers["x-amz-security-token"] == TOKEN

    run(scenario())


def test_keys_that_are_about_to_expire_are_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile gate]\nregion = ap-south-1\ncredential_process = /bin/sh given.sh\n")
    (tmp_path / "given.sh").write_text(
        "echo x >> asked\n"
        'echo "{\\"Version\\": 1, \\"AccessKeyId\\": \\"ASIAFAKE$(wc -l < asked | tr -d " ")\\",'
        f' \\"SecretAccessKey\\": \\"{SECRET}\\", \\"SessionToken\\": \\"t\\",'
        ' \\"Expiration\\": \\"$(date -u -d "+11 minutes" +%FT%TZ)\\"}"\n'
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        async with Upstream() as up, served(up, proof='profile = "gate"\n') as made:
            up.answer(BODY)
            seen = []
            for _ in range(2):
                assert (await Client(made).post(PATH + "converse", ASK)).status == 200
                seen.append(check_signature(up.requests[-1], SECRET, "ap-south-1"))
            assert seen[0] != seen[1]

    run(scenario())


def test_a_chain_without_keys_is_a_failure_that_names_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    async def scenario() -> None:
        async with Upstream() as up, served(up, proof='region = "eu-west-1"\n') as made:
            up.answer(BODY)
            response = await Client(made).post(PATH + "converse", ASK)
            assert response.status == 502
            assert response.json()["reason"] == "upstream_credentials"
            assert response.headers["x-amzn-errortype"] == "InternalServerException"
            assert up.requests == []

    run(scenario())


def test_a_stream_that_is_cut_becomes_an_exception_and_never_a_stop() -> None:
    async def scenario() -> None:
        for broken in (b"".join(EVENTS[:-2]), STREAM[:-200], b"".join(EVENTS[:6]) + STREAM[-9:]):
            async with Upstream() as up, served(up) as made:
                up.answer(broken, headers=STREAMED)
                response = await Client(made).post(PATH + "converse-stream", ASK)
                assert response.status == 200
                found = parsed(response.body)
                assert found[-1]["error"]["Code"] == "internalServerException"
                assert not any("messageStop" in one for one in found)

    run(scenario())


def test_an_exception_in_the_first_message_is_a_real_status() -> None:
    async def scenario() -> None:
        for name, status in (("throttlingException", 429), ("serviceUnavailableException", 503)):
            async with Upstream() as up, served(up) as made:
                up.answer(exception(name, message="busy"), headers=STREAMED)
                response = await Client(made).post(PATH + "converse-stream", ASK)
                assert (response.status, response.json()) == (status, {"message": "busy"})
                assert response.headers["x-amzn-errortype"] == name[0].upper() + name[1:]

    run(scenario())


def test_an_exception_in_the_middle_arrives_as_one() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer(b"".join(EVENTS[:7]) + exception("modelStreamErrorException", message="oh"), headers=STREAMED)
            response = await Client(made).post(PATH + "converse-stream", ASK)
            assert response.body.startswith(b"".join(EVENTS[:7]))
            assert parsed(response.body)[-1]["error"] == {"Code": "modelStreamErrorException", "Message": "oh"}

    run(scenario())


@pytest.mark.parametrize(
    ("status", "type_", "seen", "name"),
    [
        (400, "ValidationException", 400, "ValidationException"),
        (404, "ResourceNotFoundException", 404, "ResourceNotFoundException"),
        (429, "ThrottlingException", 429, "ThrottlingException"),
        (429, "ModelNotReadyException", 503, "ServiceUnavailableException"),
        (408, "ModelTimeoutException", 504, "ModelTimeoutException"),
        (424, "ModelErrorException", 502, "InternalServerException"),
        (500, "InternalServerException", 500, "InternalServerException"),
        (503, "ServiceUnavailableException", 503, "ServiceUnavailableException"),
        (403, "AccessDeniedException", 502, "InternalServerException"),
        (403, "ExpiredTokenException", 502, "InternalServerException"),
        (400, "UnrecognizedClientException", 502, "InternalServerException"),
    ],
)
def test_an_upstreams_error_passes_in_its_own_words_unless_it_is_about_our_account(
    status: int, type_: str, seen: int, name: str
) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            words = "no" if seen != 502 else f"User: arn:aws:iam::123456789012:user/x may not\n{TOKEN} {SECRET}"
            up.answer({"message": words}, status, **{"x-amzn-errortype": f"{type_}:http://internal.amazon.com/"})
            for method in ("converse", "converse-stream"):
                response = await Client(made).post(PATH + method, ASK)
                assert (response.status, response.headers["x-amzn-errortype"]) == (seen, name)
                for secret in (TOKEN, SECRET, "123456789012") if type_ != "ModelErrorException" else ():
                    assert secret.encode() not in response.body
                if seen == status:
                    assert response.json() == {"message": "no"}

    run(scenario())


@pytest.mark.parametrize("body", [b"<html>hello</html>", b'{"output": {', b"[]", b"{}", b'{"output": {}}'])
def test_a_reply_that_is_none_is_a_bad_gateway(body: bytes) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            kind = "text/html" if body.startswith(b"<") else "application/json"
            up.answer(body, 200, {"content-type": kind})
            response = await Client(made).post(PATH + "converse", ASK)
            assert (response.status, response.json()["reason"]) == (502, "upstream_bad_reply")
            up._scripts.clear()
            up.answer(body * 20, 200, STREAMED)
            response = await Client(made).post(PATH + "converse-stream", ASK)
            assert (response.status, response.json()["reason"]) == (502, "upstream_bad_reply")

    run(scenario())


@pytest.mark.parametrize(
    ("path", "body", "status", "name"),
    [
        (PATH + "converse", b"{", 400, "ValidationException"),
        (PATH + "converse", {}, 400, "ValidationException"),
        (PATH + "converse", {"messages": "x"}, 400, "ValidationException"),
        (PATH + "converse", {**ASK, "inferenceConfig": {"maxTokens": "x"}}, 400, "ValidationException"),
        ("/model/nobody/converse", ASK, 404, "ResourceNotFoundException"),
        ("/model/nobody/converse-stream", ASK, 404, "ResourceNotFoundException"),
    ],
)
def test_a_callers_own_mistake_is_told_in_awss_shape(path: str, body: Any, status: int, name: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            response = await Client(made).post(path, body)
            assert (response.status, response.headers["x-amzn-errortype"]) == (status, name)
            assert response.json()["message"]
            assert up.requests == []

    run(scenario())


def test_tokens_are_counted_only_where_bedrock_is_spoken() -> None:
    async def scenario() -> None:
        ask = {"input": {"converse": ASK}}
        async with gateway('[providers.simulator]\n[models]\nm = ["simulator/echo"]\n', Bedrock, Simulator) as made:
            response = await Client(made).post("/model/m/count-tokens", ask)
            assert (response.status, response.json()["reason"]) == (400, "not_countable")
        more = '[providers.simulator]\n[models]\nm = ["simulator/echo", "host/x:0"]'
        async with Upstream() as up, served(up, more) as made:
            up.answer({"inputTokens": 31})
            response = await Client(made).post("/model/m/count-tokens", ask)
            assert response.json() == {"inputTokens": 31}
            assert (up.requests[0].path, up.requests[0].json()) == ("/model/x%3A0/count-tokens", ask)

    run(scenario())


def test_any_other_path_passes_through_signed() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({"completion": "x"})
            arn = "arn:aws:bedrock:eu-west-1:1:provisioned-model/a"
            cases = {
                f"/model/{arn}/invoke": f"/model/{arn.replace(':', '%3A').replace('/', '%2F')}/invoke",
                "/model/a:0/invoke-with-response-stream": "/model/a%3A0/invoke-with-response-stream",
                "/guardrail/g1/version/2/apply": "/guardrail/g1/version/2/apply",
                "/host/async-invoke?maxResults=2&nextToken=a%2Fb": "/async-invoke?maxResults=2&nextToken=a%2Fb",
            }
            headers = {"x-amzn-bedrock-guardrailidentifier": "g1", "accept": "application/json"}
            for path, sent in cases.items():
                response = await Client(made).post(path, b'{"prompt": 1.50}', headers)
                assert response.json() == {"completion": "x"}
                assert (up.requests[-1].path, up.requests[-1].body) == (sent, b'{"prompt": 1.50}')
                assert up.requests[-1].headers["x-amzn-bedrock-guardrailidentifier"] == "g1"
                check_signature(up.requests[-1], SECRET, "eu-west-1")

    run(scenario())


def test_an_upload_that_cannot_be_signed_is_refused() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({})
            response = await Client(made).post("/model/m/invoke", b"x" * 25_000_001)
            assert (response.status, response.json()["reason"]) == (413, "request_too_large")
            assert up.requests == []

    run(scenario())


@pytest.mark.parametrize("path", ["/model/../admin", "/model/%2e%2e/%2e%2e/admin", "/model/a/..%2fadmin"])
def test_a_passthrough_cannot_climb_out_of_the_base(path: str) -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            up.answer({})
            assert (await Client(made).post(path, {})).status == 404
            assert up.requests == []

    run(scenario())


def test_usage_is_told_of_streams_and_bodies() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            seen: list[dict[str, int]] = []
            for body, headers, method in ((BODY, None, "converse"), (STREAM, STREAMED, "converse-stream")):
                up._scripts.clear()
                up.answer(body, headers=headers)
                told: list[Any] = []
                stop = made.feed.listen(told.append)
                await Client(made).post(PATH + method, ASK)
                stop()
                seen += [one.tokens for one in told if isinstance(one, RequestEnded)]
            assert len(seen) == 2
            assert seen[0] == seen[1] == {"input": 10, "cache_read": 5, "cache_write": 2, "output": 4}

    run(scenario())


def test_an_unknown_event_is_passed_on_and_read_over() -> None:
    async def scenario() -> None:
        async with Upstream() as up, served(up) as made:
            stream = EVENTS[0] + event("novelty", a=1) + b"".join(EVENTS[1:])
            up.answer(stream, headers=STREAMED)
            assert (await Client(made).post(PATH + "converse-stream", ASK)).body == stream

    run(scenario())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('access_key = "a"\nsecret_key = "b"', r"providers\.bedrock\.region: .*us-east-1"),
        ('api_key = "a"', r"providers\.bedrock\.region"),
        ('api_key = "a"\nregion = "nowhere"', r'providers\.bedrock\.region: "nowhere" is no AWS region'),
        ('api_key = "a"\nregion = "a b"', r"providers\.bedrock\.region"),
        ('api_key = "a"\napi_keys = ["b"]', r"providers\.bedrock: both"),
        ('api_key = "a"\naccess_key = "b"\nsecret_key = "c"', r"providers\.bedrock: both api_key and access_key"),
        ('access_key = "b"\nregion = "eu-west-1"', r"providers\.bedrock: access_key and secret_key go together"),
        ('session_token = "b"\nregion = "eu-west-1"', r"providers\.bedrock\.session_token"),
        ('profile = "nobody"', r'providers\.bedrock\.profile: .*"nobody"'),
        ('api_key = "a"\nbase_url = "example.com"', r"providers\.bedrock\.base_url"),
        ('api_keys = ["a\\nb"]\nregion = "eu-west-1"', r"providers\.bedrock\.api_key"),
        ('api_key = "a"\nregion = "eu-west-1"\nheaders = {"x y" = "z"}', r"providers\.bedrock\.headers"),
        ('api_key = "a"\nregion = "eu-west-1"\nheaders = {"X-Amz-Date" = "z"}', r"providers\.bedrock\.headers"),
        ('api_key = "a"\nregoin = "x"', r"regoin"),
    ],
)
def test_a_wrong_setting_is_refused_at_start_up_by_its_path(
    config: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    async def scenario() -> None:
        with pytest.raises(ConfigError, match=words):
            async with gateway(f"[providers.bedrock]\n{config}\n", Bedrock):
                pass

    run(scenario())


@pytest.mark.parametrize(("profile", "text"), [("nobody", ""), ("default", "no section")])
def test_a_broken_configuration_of_awss_is_refused_at_start_up(
    profile: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", profile)

    async def scenario() -> None:
        with pytest.raises(ConfigError, match=r"providers\.bedrock: AWS's configuration cannot be used"):
            async with gateway('[providers.bedrock]\nregion = "eu-west-1"\n', Bedrock):
                pass

    run(scenario())


@pytest.mark.parametrize(
    ("region", "base"),
    [
        ("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_region_has_its_own_address(region: str, base: str) -> None:
    async def scenario() -> None:
        config = f'[providers.bedrock]\napi_key = "fake"\nregion = "{region}"\n'
        async with gateway(config, Bedrock) as made:
            assert made.edition.providers["bedrock"].host.base == base  # type: ignore[attr-defined]

    run(scenario())


def test_a_silent_upstream_is_bridged_by_events_that_clients_pass_over() -> None:
    async def scenario() -> None:
        more = '[server]\nkeepalive = "50ms"\n'
        async with Upstream() as up, served(up, more) as made:
            up.answer([b"".join(EVENTS[:7]), 0.3, b"".join(EVENTS[7:])], headers=STREAMED)
            response = await Client(made).post(PATH + "converse-stream", ASK)
            assert response.body != STREAM
            assert response.body.replace(event("keepalive"), b"") == STREAM
            assert parsed(response.body) == parsed(STREAM)

    run(scenario())
