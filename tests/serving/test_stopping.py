"""SIGTERM and SIGINT: what is under way ends well or as an error, new work is sent elsewhere, the process ends."""

import json
import signal
import threading
import time

import httpx
import pytest
from callers import asks, chat, config, wait_until
from tollhouse.testing import Served

pytestmark = pytest.mark.slow


def test_a_stop_drains_refuses_and_ends_well(tmp_path, engine):
    with Served(tmp_path, config(engine, pace=10)) as gate:
        with httpx.stream("POST", f"{gate.url}/v1/chat/completions", json=asks("a b c d e f g h", stream=True)) as one:
            lines = one.iter_lines()
            next(lines)
            gate.process.send_signal(signal.SIGTERM)
            gate.wait_for("Draining: 1 in flight")
            ready = httpx.get(f"{gate.url}/readyz")
            assert (ready.status_code, ready.json()["reason"]) == (503, "draining")
            assert chat(gate.url).json()["error"]["code"] == "draining"
            assert "data: [DONE]" in list(lines)
        assert gate.process.wait(20) == 0
        wait_until(lambda: gate.output.rstrip().endswith("Stopped."))


def test_what_does_not_end_in_time_is_told_an_error(tmp_path, crew):
    engine, workers = crew
    text = config(engine, f'drain = "500ms"\nworkers = {workers}', pace=2)
    with Served(tmp_path, text) as gate:
        with httpx.stream("POST", f"{gate.url}/v1/chat/completions", json=asks("a " * 100, stream=True)) as one:
            events = one.iter_lines()
            next(events)
            gate.process.send_signal(signal.SIGTERM)
            last = [line for line in events if line][-1]
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "draining"
        assert gate.process.wait(20) == 0
        wait_until(lambda: gate.output.rstrip().endswith("Stopped."))
        assert "1 exchanges did not end in time" in gate.output


def test_a_whole_answer_that_does_not_come_in_time_is_a_503(tmp_path, engine):
    answers = []
    with Served(tmp_path, config(engine, 'drain = "500ms"', pace=2)) as gate:
        asking = threading.Thread(target=lambda: answers.append(chat(gate.url, "a " * 100)))
        asking.start()
        time.sleep(0.3)
        gate.process.send_signal(signal.SIGTERM)
        asking.join(20)
        assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [(503, "draining")]
        assert gate.process.wait(20) == 0


def test_a_second_signal_cuts_off_at_once(tmp_path, crew):
    engine, workers = crew
    text = config(engine, f"workers = {workers}", pace=2)
    with (
        Served(tmp_path, text) as gate,
        httpx.stream("POST", f"{gate.url}/v1/chat/completions", json=asks("a " * 100, stream=True)) as one,
    ):
        next(one.iter_raw())
        gate.process.send_signal(signal.SIGINT)
        gate.wait_for("Draining: 1 in flight")
        began = time.monotonic()
        gate.process.send_signal(signal.SIGINT)
        assert gate.process.wait(20) == 0
        assert time.monotonic() - began < 15  # of 30 s to drain in
