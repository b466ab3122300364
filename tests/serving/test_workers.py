"""Several workers: one that dies takes only what it was answering with it, and is followed by another."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest
from callers import Load, asks, chat, config, wait_until
from tollhouse.testing import Served

pytestmark = pytest.mark.slow

TWO, THREE = "workers = 2", "workers = 3"


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_workers_share_the_load_and_a_kill_fails_only_what_was_in_flight(tmp_path, engine):
    text = config(engine, THREE, ttft="20ms")
    with Served(tmp_path, text) as gate, Load(gate.url, 12, fresh=True) as load:
        first = gate.workers
        assert len(first) == 3
        killed = []
        for victim in first[:2]:
            before = load.done
            wait_until(lambda before=before: load.done > before + 30)
            killed.append(time.monotonic())
            os.kill(victim, signal.SIGKILL)
            gate.wait_for(f"Worker {victim} ended by signal 9; another takes its place.")
            wait_until(lambda victim=victim: len(gate.workers) == 3 and victim not in gate.workers, 20)
        before = load.done
        wait_until(lambda: load.done > before + 60)
        began = [began for began, _ in load.failed]
        assert all(any(at - 2 < one < at + 0.05 for at in killed) for one in began), load.failed
        assert len(began) <= 2 * 12
        assert first[2] in gate.workers
    assert gate.process.returncode == 0


def test_a_worker_that_is_asked_to_stop_drains_and_is_followed(tmp_path):
    text = config("hypercorn", TWO, ttft="20ms")
    with Served(tmp_path, text) as gate, Load(gate.url, 6, fresh=True) as load:
        [victim, *_] = gate.workers
        os.kill(victim, signal.SIGTERM)
        gate.wait_for(f"Worker {victim} ended with exit code 0; another takes its place.")
        wait_until(lambda: len(gate.workers) == 2, 20)
    cut = [why for _, why in load.failed if not why.startswith("503")]
    assert len(cut) <= 2  # a connection can be taken at the very end


def test_one_that_dies_begins_again_with_the_configuration_that_serves(tmp_path):
    """Not with the file, which nobody has accepted yet."""
    with Served(tmp_path, config("hypercorn", TWO)) as gate:
        (tmp_path / "gateway.toml").write_text("this is no TOML")
        for victim in gate.workers:
            os.kill(victim, signal.SIGKILL)
        wait_until(lambda: gate.output.count(" serves.\n") == 2, 20)
        assert chat(gate.url).status_code == 200


def test_a_stop_drains_the_streams_of_all(tmp_path):
    with Served(tmp_path, config("hypercorn", TWO, pace=10)) as gate, httpx.Client(timeout=30) as client:
        streams = [
            client.send(
                client.build_request("POST", f"{gate.url}/v1/chat/completions", json=asks("a b c d e f", stream=True)),
                stream=True,
            )
            for _ in range(6)
        ]
        lines = [one.iter_lines() for one in streams]
        for one in lines:
            next(one)
        gate.process.send_signal(signal.SIGTERM)
        gate.wait_for("Draining: ")
        assert all("data: [DONE]" in list(one) for one in lines)
        assert gate.process.wait(30) == 0
    assert gate.output.rstrip().endswith("Stopped.")


def test_no_worker_outlives_its_supervisor(tmp_path):
    with Served(tmp_path, config("hypercorn", TWO)) as gate:
        workers = gate.workers
        gate.process.kill()
        wait_until(lambda: not any(alive(pid) for pid in workers), 20)


def test_a_signal_of_the_terminal_is_not_taken_for_a_second(tmp_path):
    """It reaches every process of the group, and the supervisor passes it on."""
    with Served(tmp_path, config("hypercorn", TWO, pace=10)) as gate:
        with httpx.stream("POST", f"{gate.url}/v1/chat/completions", json=asks("a b c d e f", stream=True)) as one:
            lines = one.iter_lines()
            next(lines)
            for pid in (*gate.workers, gate.process.pid):
                os.kill(pid, signal.SIGINT)
            assert "data: [DONE]" in list(lines)
        assert gate.process.wait(30) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_inherit_the_listener_and_nothing_else(tmp_path):
    with Served(tmp_path, config("hypercorn", "workers = 2")) as gate:
        for pid in gate.workers:
            listening = subprocess.run(["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, text=True, check=True)
            assert listening.stdout.count("socket:") < 8
