"""Time limits and what is bounded: trickled heads, overlong heads, idle connections, callers who do not read."""

import socket
import ssl
import time

import pytest
from around import HEAD, drained, received, response, wait_until
from tollhouse.config import Duration, Size

pytestmark = pytest.mark.slow

LINE = b"X-Filler: " + b"a" * 1000 + b"\r\n"


def trickle(caller, pieces, pause=0.05):
    """Send piece after piece until the other side has had enough; the seconds that took."""
    began = time.monotonic()
    caller.settimeout(pause)
    for piece in pieces:
        try:
            caller.sendall(piece)
            if not caller.recv(1000):
                break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    else:
        raise AssertionError("everything was taken")
    return time.monotonic() - began


def test_a_trickled_head_is_cut_off(around):
    served = around(header_timeout=Duration("300ms"))
    with served.caller() as caller:
        caller.sendall(HEAD)
        assert 0.2 < trickle(caller, [b"X"] * 600) < 3
    assert served.app.seen == []


def test_who_connects_and_says_nothing_is_cut_off(around):
    served = around(header_timeout=Duration("300ms"))
    assert served.says() == b""


def test_a_trickled_second_head_is_cut_off_as_well(around):
    served = around(header_timeout=Duration("300ms"))
    with served.caller() as caller:
        caller.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        assert response(caller)[0].startswith(b"HTTP/1.1 200")
        time.sleep(0.5)  # a rest between two requests may be longer
        caller.sendall(HEAD)
        assert 0.2 < trickle(caller, [b"X"] * 600) < 3
    assert served.app.seen == ["/echo"]


def test_a_slow_answer_and_a_slow_body_are_no_slow_head(around):
    served = around(header_timeout=Duration("200ms"))
    with served.caller() as caller:
        caller.sendall(b"POST /slow HTTP/1.1\r\nHost: gate\r\nContent-Length: 2\r\n\r\na")
        time.sleep(0.4)
        caller.sendall(b"b")
        assert response(caller)[1] == b"ab"


@pytest.mark.parametrize("pause", [0, 0.002])
def test_a_head_without_end_is_answered_with_431(around, pause):
    served = around(max_header_bytes=Size("8 KiB"))
    answer = b""
    with served.caller() as caller:
        caller.sendall(HEAD)
        for _ in range(400):
            try:
                caller.sendall(LINE)
            except ConnectionError:
                break
            time.sleep(pause)
        answer = drained(caller)
    assert answer.startswith(b"HTTP/1.1 431 ") or pause == 0
    assert served.app.seen == []


def test_one_header_without_end_is_answered_with_431(around):
    served = around(max_header_bytes=Size("8 KiB"))
    answer = served.says(HEAD, b"X: ", *[b"a" * 4000] * 10)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert served.app.seen == []


def test_a_caller_who_never_reads_is_noticed_and_delays_nobody(around):
    served = around(stalled=1.0)
    with served.caller() as silent:
        silent.sendall(b"GET /endless HTTP/1.1\r\nHost: gate\r\n\r\n")
        wait_until(lambda: served.app.seen)
        for _ in range(20):
            assert served.says(HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\na").endswith(b"a")
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            wait_until(lambda: served.app.left == ["/endless"], 15)


def test_the_end_lets_an_answer_finish_and_closes_what_is_idle(around):
    served = around()
    with served.caller() as idle, served.caller() as busy:
        idle.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        response(idle)
        busy.sendall(b"POST /slow HTTP/1.1\r\nHost: gate\r\nContent-Length: 1\r\n\r\na")
        wait_until(lambda: "/slow" in served.app.seen)
        served.stop()
        assert received(idle) == b""
        assert response(busy)[1] == b"a"
        assert received(busy) == b""


def test_the_end_cuts_off_what_does_not_end(around):
    served = around()
    with served.caller() as caller:
        caller.sendall(b"GET /endless HTTP/1.1\r\nHost: gate\r\n\r\n")
        wait_until(lambda: served.app.seen)
        served.stop()
        drained(caller)


def test_an_answer_that_says_so_is_the_last(served):
    answer = served.says(b"GET /last HTTP/1.1\r\nHost: gate\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


def test_an_upgrade_nobody_knows_is_ignored(served):
    with served.caller() as caller:
        caller.sendall(b"GET /echo HTTP/1.1\r\nHost: gate\r\nConnection: upgrade\r\nUpgrade: irc/6.9\r\n\r\n")
        assert response(caller)[0].startswith(b"HTTP/1.1 200")


def test_a_body_behind_an_upgrade_is_read_or_refused_but_not_lost(served):
    sent = HEAD + b"Connection: upgrade\r\nUpgrade: irc/6.9\r\nContent-Length: 3\r\n\r\nabc"
    with served.caller() as caller:
        caller.sendall(sent)
        head, body = response(caller)
    assert (head[:12], body) in ((b"HTTP/1.1 200", b"abc"), (b"HTTP/1.1 400", b""))


def test_responses_have_a_date_and_do_not_name_the_server(served):
    head = served.says(HEAD + b"Connection: close\r\nContent-Length: 0\r\n\r\n").lower()
    assert head.count(b"\r\ndate: ") == 1
    assert b"\r\nserver:" not in head


def test_a_handshake_that_never_ends_is_cut_off(around):
    served = around(header_timeout=Duration("300ms"), tls=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
    assert served.says(b"\x16\x03\x01") == b""
