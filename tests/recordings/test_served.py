"""A sample of the recordings through a served gateway: the SDK on one socket, the recorded provider on another."""

import openai
import pytest
from replay import ALL, body_of, chunks_of, config, listen, place, reply_of, script
from tollhouse.testing import Served, Upstream, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ALL, reason="no recordings: TOLLHOUSE_RECORDINGS may name the folder of `corpus`"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
]


def sample():
    """Up to three of every provider, endpoint and kind of body."""
    groups = {}
    for recording in ALL:
        groups.setdefault((recording.provider, recording.endpoint, recording.kind, recording.status), []).append(
            recording
        )
    return [recording for group in groups.values() for recording in group[:: max(1, len(group) // 3)][:3]]


def sdk(url):
    return openai.AsyncOpenAI(base_url=url, api_key="sk-callers-own", max_retries=0, timeout=30)


def test_a_served_gateway_says_what_the_providers_said(tmp_path):
    async def replay():
        wrong = []
        async with Upstream(lambda request: playing[0]) as up:
            with Served(tmp_path, config(up.url) + '\n[store]\nurl = "memory:"\n') as served:
                async with sdk(f"{up.url}/v1") as straight, sdk(f"{served.url}/v1") as through:
                    for recording in sample():
                        pieces = chunks_of(reply_of(recording), recording.name)
                        playing[:] = [script(recording, pieces)]
                        body = body_of(recording, True if recording.kind != "json" else None)
                        at = place(recording)
                        asked = {**body, "model": f"{at.name}/{at.model or body['model']}"}
                        first = await listen(straight, recording, body)
                        second = await listen(through, recording, asked)
                        if not same(recording, first, second):
                            wrong.append((recording.name, first, second))
                    assert up.requests
            assert served.process.returncode == 0
            assert "Traceback" not in served.output
        return wrong

    playing = []
    assert run(replay(), 120) == []


def same(recording, first, second):
    """Whether the SDK heard the same twice, but for errors about our own key and those told with status 200."""
    if recording.status in (401, 402, 403):
        return second.error is not None and second.error.status_code == 502
    if first.whole and first.whole.get("error"):
        return second.error is not None and second.error.body == first.whole["error"]
    if first.error and recording.status == 200:
        return second.error is not None and second.error.body == first.error.body
    return (first.whole, first.chunks, first.failure) == (second.whole, second.chunks, second.failure)
