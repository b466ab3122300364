"""Workers are summed, real processes and all, and what a killed one counted stays counted."""

import json
import os
import signal
import time
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tollhouse.testing import Served
from tollhouse_metrics import families
from tollhouse_metrics.book import Book
from tollhouse_metrics.page import Page, Sibling
from tollhouse_metrics.shared import PREFIX, Folder, server_folder
from tollhouse_metrics.text import joined, text

CONFIG = """
plugins = ["openai", "metrics"]
providers.simulator = { ttft = "off", tokens_per_second = 0 }
[models]
fast = ["simulator/echo"]
[server]
workers = 2
"""


def scraped(url):
    with urllib.request.urlopen(f"{url}/metrics") as response:
        whole = text_string_to_metric_families(response.read().decode())
        return {(s.name, *sorted(s.labels.items())): s.value for family in whole for s in family.samples}


def total(samples, name):
    return sum(value for key, value in samples.items() if key[0] == name)


def wait_for(url, requests):
    """Waits until so many are counted: a request is when its last byte was sent, which its caller may know sooner."""
    until = time.monotonic() + 10
    while total(scraped(url), "tollhouse_requests_total") < requests:
        assert time.monotonic() < until
        time.sleep(0.05)


def ask(url):
    body = json.dumps({"model": "fast", "messages": [{"role": "user", "content": "one two"}]}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return response.status


@pytest.mark.slow
def test_two_workers_tell_the_same_sum_and_a_killed_one_stays_counted(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with Served(tmp_path, CONFIG, {"TMPDIR": str(temporary)}) as gate:
        with ThreadPoolExecutor(4) as pool:
            assert Counter(pool.map(lambda _: ask(gate.url), range(60))) == {200: 60}
        wait_for(gate.url, 60)
        for _ in range(10):  # whichever worker is asked
            samples = scraped(gate.url)
            assert total(samples, "tollhouse_requests_total") == 60
            assert total(samples, "tollhouse_request_duration_seconds_count") == 60
            assert total(samples, "tollhouse_workers") == 2
        pages = list(next(temporary.glob(f"{PREFIX}*")).glob("*.values"))
        assert {int(page.name.partition("-")[0]) for page in pages} == set(gate.workers)
        shares = {
            page.name: [one for one in Sibling(page).read() if one[0] == "tollhouse_requests_total"] for page in pages
        }
        assert sum(values[0] for series in shares.values() for _, _, values in series) == 60

        os.kill(gate.workers[0], signal.SIGKILL)
        gate.wait_for("ended by signal 9")
        gate.wait_for("serves.")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: ask(gate.url), range(20)))
        wait_for(gate.url, 80)
        for _ in range(10):
            samples = scraped(gate.url)
            assert total(samples, "tollhouse_requests_total") == 80
            assert total(samples, "tollhouse_workers") == 2
        assert len(list(next(temporary.glob(f"{PREFIX}*")).glob("*.values"))) == 2

        gate.reload(CONFIG.replace("fast =", "slow = ['simulator/echo']\nfast ="))
        until = time.monotonic() + 10
        while total(scraped(gate.url), "tollhouse_reloads_total") < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert total(scraped(gate.url), "tollhouse_requests_total") == 80
        assert gate.stop() == 0
    assert list(temporary.glob(f"{PREFIX}*")) == []


def sums(folder: Folder, own: Page):
    siblings = folder.siblings(own.token)
    whole = text(joined([(True, own.read()), *((one.alive, one.read()) for one in siblings)])).decode()
    return {s.name: s.value for family in text_string_to_metric_families(whole) for s in family.samples}


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=30))
def test_pages_of_several_are_read_as_the_sum_of_all_that_was_counted(tmp_path_factory, counted):
    folder = Folder(tmp_path_factory.mktemp("pages") / "shared")
    pages = [Page(1000, folder.path) for _ in range(2)]
    books = [Book(page) for page in pages]
    for first, value in counted:
        books[first].add(families.SAVED, ("m",), value)
        books[first].observe(families.FIRST_CONTENT, ("m",), value)
        books[first].set(families.IN_FLIGHT, ("waiting",), value)
    said = sums(folder, pages[0])
    expected = sum(value for _, value in counted)
    if counted:
        assert said["tollhouse_saved_usd_total"] == pytest.approx(expected)
        assert said["tollhouse_first_content_seconds_sum"] == pytest.approx(expected)
        assert said["tollhouse_first_content_seconds_count"] == len(counted)
        last = dict(counted)
        assert said["tollhouse_requests_in_flight"] == pytest.approx(sum(last.values()))
    pages[1].close()
    said = sums(folder, pages[0])
    assert said.get("tollhouse_saved_usd_total", 0) == pytest.approx(expected)
    mine = dict(counted).get(False)
    assert said.get("tollhouse_requests_in_flight") == mine
    folder.close(pages[0])
    assert not folder.path.exists()


def test_what_was_said_of_a_target_last_holds_for_all_workers(tmp_path):
    folder = Folder(tmp_path / "shared")
    pages = [Page(1000, folder.path) for _ in range(2)]
    for page, said in zip(pages, (-10.0, 1e-9), strict=True):
        Book(page).set(families.TARGET_UP, ("p", "m"), said)
    assert sums(folder, pages[1])["tollhouse_target_up"] == 0
    Book(pages[1]).set(families.TARGET_UP, ("q", "n"), 1e-9)
    for page in pages:
        page.close()


def test_a_full_page_counts_what_it_could_not_count():
    book = Book(Page(40))
    for number in range(100):
        book.add(families.SAVED, (f"m{number}",))
        book.observe(families.REQUEST_SECONDS, (f"m{number}", "completed"), 1.0)
    said = {name: values for name, _, values in book.page.read()}
    places = [one for one in book.page.read() if one[0] != families.FULL.name]
    counted = sum(values[0] if name == families.SAVED.name else sum(values[:-1]) for name, _, values in places)
    assert said[families.FULL.name][0] + counted == 200
    assert said[families.FULL.name][0] > 0
    book.page.close()


def test_a_folder_that_others_could_write_is_refused(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o777)
    with pytest.raises(PermissionError):
        Folder(tmp_path / "shared")
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError):
        Folder(tmp_path / "link")


def test_a_half_written_name_is_read_past(tmp_path):
    folder = Folder(tmp_path / "shared")
    page = Page(1000, folder.path)
    Book(page).add(families.SAVED, ("m",), 2.0)
    with Path(folder.path / f"{page.token}.names").open("ab") as names:
        names.write(b'["tollhouse_sav')
    read = Sibling(folder.path / f"{page.token}.values").read()
    assert ("tollhouse_saved_usd_total", ("m",), [2.0]) in read
    page.close()


def test_what_a_server_that_is_gone_left_behind_is_deleted_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = server_folder()
    gone = tmp_path / f"{PREFIX}{os.getuid()}-{os.getpid()}-1"
    strange = tmp_path / f"{PREFIX}{os.getuid()}-x-1"
    for folder in (mine, gone, strange):
        folder.mkdir()
        (folder / "1-a.values").write_bytes(b"")
    assert server_folder() == mine
    assert sorted(tmp_path.iterdir()) == sorted([mine, strange])


def test_of_two_who_leave_at_once_the_second_takes_the_folder_away(tmp_path):
    folders = [Folder(tmp_path / "shared") for _ in range(2)]
    pages = [Page(1000, folder.path) for folder in folders]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda folder, page: folder.close(page), folders, pages))
    assert not (tmp_path / "shared").exists()
