"""A gateway that is stopped: what is under way ends well, readiness fails first."""

import signal
import threading
import time

import httpx
import msgspec
import pytest
from scene import BODY, CHAT, Gate, asks, ticking, wait_until
from tollhouse.testing.upstream import scripted

pytestmark = pytest.mark.slow


@pytest.mark.proves("SIGTERM during stream", "R48")
def test_a_stream_under_way_is_drained_while_readiness_fails_and_new_work_is_refused(tmp_path, up, engine):
    up.answer(ticking(200, 0.01))
    with Gate(tmp_path, up.url, engine) as gate, httpx.Client(base_url=gate.url, timeout=20) as client:
        with client.stream("POST", CHAT, content=asks(stream=True)) as response:
            pieces = response.iter_raw()
            body = next(pieces)
            gate.process.send_signal(signal.SIGTERM)
            gate.wait_for("Draining")
            assert httpx.get(f"{gate.url}/readyz").status_code == 503
            refused = httpx.post(f"{gate.url}{CHAT}", content=asks())
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "draining")
            body += b"".join(pieces)
        assert [body.count(b'"w%d "' % number) for number in range(200)] == [1] * 200
        assert body.endswith(b"data: [DONE]\n\n")
        assert gate.process.wait(20) == 0


@pytest.mark.proves("SIGTERM during stream", "R48")
def test_what_outlasts_the_grace_period_ends_as_an_error(tmp_path, up, engine):
    up.answer(ticking(100_000, 0.02))
    with Gate(tmp_path, up.url, engine, 'drain = "1s"') as gate, httpx.Client(base_url=gate.url, timeout=20) as client:
        with client.stream("POST", CHAT, content=asks(stream=True)) as response:
            pieces = response.iter_raw()
            body = next(pieces)
            gate.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            body += b"".join(pieces)
        assert 0.5 < time.monotonic() - began < 10
        last = body.rstrip().rpartition(b"data: ")[2]
        assert msgspec.json.decode(last)["error"]["code"] == "draining"
        assert b"[DONE]" not in body
        assert b'"finish_reason":"stop"' not in body
        wait_until(up.requests[0].left.is_set)
        assert gate.process.wait(20) == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.proves("SIGTERM during stream", "R48")
def test_a_caller_without_a_first_word_gets_a_503_when_the_grace_period_ends(tmp_path, up, engine, stream):
    up.answer([60.0], 200, {"content-type": "application/json"})
    said = []
    with Gate(tmp_path, up.url, engine, 'drain = "1s"') as gate:
        asking = threading.Thread(
            target=lambda: said.append(httpx.post(f"{gate.url}{CHAT}", content=asks(stream=stream), timeout=20))
        )
        asking.start()
        wait_until(lambda: up.requests)
        gate.process.send_signal(signal.SIGTERM)
        asking.join(20)
        assert [(answer.status_code, answer.json()["error"]["code"]) for answer in said] == [(503, "draining")]
        assert gate.process.wait(20) == 0


@pytest.mark.proves("SIGTERM during stream", "R48")
def test_an_answer_under_way_is_still_delivered(tmp_path, up, engine):
    up.then(lambda request: late())
    said = []
    with Gate(tmp_path, up.url, engine) as gate:
        asking = threading.Thread(target=lambda: said.append(httpx.post(f"{gate.url}{CHAT}", content=asks())))
        asking.start()
        wait_until(lambda: up.requests)
        gate.process.send_signal(signal.SIGTERM)
        asking.join(20)
        assert [answer.json()["id"] for answer in said] == ["c1"]
        assert gate.process.wait(20) == 0


def late():
    """An answer that takes its time."""
    return scripted([0.8, msgspec.json.encode(BODY)], 200, {"content-type": "application/json"})
