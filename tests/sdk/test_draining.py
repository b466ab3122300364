"""A gateway that is asked to stop: what is under way ends well, new work is sent elsewhere."""

import signal
import threading

import httpx
import openai
import pytest
from house import HI, House, text, ticking, wait_until

pytestmark = pytest.mark.slow

SHORT = """
plugins = ["openai", "./witness.py"]

[server]
drain = "1s"

[providers.up]
kind = "openai"
base_url = "{url}/v1"
api_key = "{key}"

[models]
remote = ["up/gpt-real"]
"""


def clients(house):
    return openai.OpenAI(base_url=f"{house.url}/v1", api_key="any", max_retries=0, timeout=30)


def test_a_stream_under_way_drains_to_its_end_while_new_work_is_refused(tmp_path, up):
    up.answer(ticking(40, 0.05))
    with House(tmp_path, up.url) as house, clients(house) as client, clients(house) as other:
        stream = client.chat.completions.create(model="remote", messages=HI, stream=True)
        parts = [next(stream), next(stream)]
        assert httpx.get(f"{house.url}/readyz").status_code == 200
        house.process.send_signal(signal.SIGTERM)
        house.served.wait_for("Draining: 1 in flight")
        ready = httpx.get(f"{house.url}/readyz")
        assert (ready.status_code, ready.json()["reason"]) == (503, "draining")
        assert httpx.get(f"{house.url}/healthz").status_code == 200
        with pytest.raises(openai.InternalServerError) as refused:
            other.chat.completions.create(model="echo", messages=HI)
        assert (refused.value.status_code, refused.value.code) == (503, "draining")
        assert refused.value.response.headers["retry-after"] == "1"
        assert refused.value.response.headers["connection"] == "close"
        parts += stream
        assert text(parts) == "".join(f"w{number} " for number in range(40))
        assert parts[-1].choices[0].finish_reason == "stop"
        assert house.process.wait(20) == 0
        assert house.ended(stream.response.headers["x-request-id"])["outcome"] == "completed"


def test_a_whole_answer_under_way_is_still_delivered(tmp_path, up):
    said = []
    up.answer([0.8, b'{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}'], 200, JSON)
    with House(tmp_path, up.url) as house, clients(house) as client:
        asking = threading.Thread(
            target=lambda: said.append(client.chat.completions.create(model="remote", messages=HI))
        )
        asking.start()
        wait_until(lambda: up.requests)
        house.process.send_signal(signal.SIGTERM)
        asking.join(20)
        assert [answer.id for answer in said] == ["c"]
        assert house.process.wait(20) == 0


JSON = {"content-type": "application/json"}


def test_what_does_not_end_within_the_grace_period_is_cut_off_as_an_error(tmp_path, up):
    up.answer(ticking(10_000, 0.05))
    with House(tmp_path, up.url, SHORT) as house, clients(house) as client:
        stream = client.chat.completions.create(model="remote", messages=HI, stream=True)
        parts = [next(stream)]
        house.process.send_signal(signal.SIGTERM)
        with pytest.raises((openai.APIError, httpx.TransportError)):
            parts.extend(stream)
        assert not any(part.choices[0].finish_reason for part in parts if part.choices)
        wait_until(up.requests[0].left.is_set, 5)
        assert house.process.wait(20) == 0


def test_an_idle_gateway_stops_at_once_and_by_either_signal(tmp_path, up):
    for sig in (signal.SIGTERM, signal.SIGINT):
        with House(tmp_path, up.url) as house:
            assert house.served.stop(sig) == 0
            assert house.output.rstrip().endswith("Stopped.")
