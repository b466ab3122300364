"""The live table's state: what is kept, counted, sampled, paused and filtered."""

from hypothesis import given
from hypothesis import strategies as st
from tollhouse_console.filter import parse
from tollhouse_console.model.traffic import FAILURES, READABLE, ROOM, Traffic


def start(traffic, id, now, **more):
    traffic.apply("request.started", {"id": id, "at": now, "dialect": "openai", "task": "chat", **more}, now)


def end(traffic, id, now, **more):
    said = {"id": id, "at": now, "outcome": "completed", "status": 200, "seconds": 1.0, "cost": 5, **more}
    traffic.apply("request.ended", said, now)


def ids(traffic):
    return [row.id for row in traffic.shown()]


def test_the_newest_request_is_first():
    traffic = Traffic()
    for number in range(3):
        start(traffic, f"r{number}", 100.0 + number)
    assert ids(traffic) == ["r2", "r1", "r0"]


def test_a_streaming_row_ticks_in_place():
    traffic = Traffic()
    start(traffic, "a", 100.0, stream=True)
    start(traffic, "b", 100.1)
    traffic.apply(
        "request.progress", {"id": "a", "output_tokens": 40, "seconds": 1.0, "ttft": 0.5, "target": "x/y"}, 101
    )
    row = traffic.get("a")
    assert (row.output, row.target, row.end, row.speed) == (40, "x/y", "streaming", 80.0)
    end(traffic, "a", 102.0, tokens={"input": 7, "cache_read": 3, "output": 50}, first_content=0.5, cost=None)
    assert (row.running, row.input, row.output, row.cost, row.end) == (False, 10, 50, None, "done")
    assert ids(traffic) == ["b", "a"]


def test_attempts_are_told_before_the_end():
    traffic = Traffic()
    start(traffic, "a", 100.0)
    traffic.apply("attempt.ended", {"id": "a", "number": 1, "target": "x/y", "state": "failed", "status": 503}, 100.5)
    traffic.apply("attempt.ended", {"id": "a", "number": 2, "target": "z/y", "state": "won"}, 100.9)
    end(traffic, "a", 101.0, attempts=2, target="z/y")
    assert [one["target"] for one in traffic.get("a").tries] == ["x/y", "z/y"]
    assert traffic.get("a").end == "failed over ×1"


def test_paused_means_paused_and_a_counter_says_how_many_wait():
    traffic = Traffic()
    start(traffic, "a", 100.0)
    traffic.pause(True)
    start(traffic, "b", 101.0)
    end(traffic, "a", 101.0)
    assert (ids(traffic), traffic.waiting, traffic.shown()[0].running) == (["a"], 1, True)
    traffic.pause(False)
    assert (ids(traffic), traffic.waiting) == (["b", "a"], 0)


def test_a_filter_shows_what_fits_also_while_paused():
    traffic = Traffic()
    start(traffic, "a", 100.0, team="web")
    start(traffic, "b", 100.0, team="search")
    traffic.pause(True)
    traffic.refilter(parse("team:web"))
    assert (ids(traffic), traffic.paused) == (["a"], True)


def test_a_request_known_only_by_its_end_is_shown_when_the_filter_asks_for_ends():
    traffic = Traffic()
    traffic.refilter(parse("status:>=500"))
    start(traffic, "a", 100.0)
    end(traffic, "a", 101.0, status=502, outcome="failed")
    assert ids(traffic) == ["a"]


def test_what_the_feed_lost_comes_back_from_the_records():
    traffic = Traffic()
    start(traffic, "b", 200.0)
    traffic.seed([{"id": "b", "at": 200.0, "state": "ended", "outcome": "completed"}, {"id": "a", "at": 100.0}], 201)
    assert ids(traffic) == ["b", "a"]
    assert not traffic.get("b").running


def test_a_flood_is_sampled_while_counts_stay_exact_and_space_is_bounded():
    traffic = Traffic()
    for number in range(20_000):
        now = 1000.0 + number / 1000
        start(traffic, f"r{number}", now)
        end(traffic, f"r{number}", now, outcome="failed" if number % 100 == 0 else "completed", cost=3)
    assert traffic.meter.total["started"] == traffic.meter.total["ended"] == 20_000
    assert (traffic.meter.total["failures"], traffic.meter.total["cost"]) == (200, 60_000)
    assert traffic.kept <= (READABLE + FAILURES) * 22
    assert 20 <= traffic.sampled(1020.0) <= 50


def test_failures_get_through_the_sampling():
    traffic = Traffic()
    for number in range(5000):
        now = 1000.0 + number / 1000
        start(traffic, f"r{number}", now)
        end(traffic, f"r{number}", now, outcome="failed" if number % 500 == 499 else "completed")
    assert sum(row.bad for row in traffic.shown()) == 10


def test_at_most_so_many_rows_are_kept():
    traffic = Traffic()
    for number in range(ROOM + 500):
        start(traffic, f"r{number}", 1000.0 + number)
    assert traffic.kept == len(traffic.shown()) == ROOM
    assert traffic.get("r0") is None


@given(st.lists(st.tuples(st.sampled_from(["start", "end", "pause", "progress"]), st.integers(0, 9)), max_size=60))
def test_any_order_of_events_leaves_the_table_whole(steps):
    traffic = Traffic()
    for now, (what, number) in enumerate(steps):
        if what == "start":
            start(traffic, f"r{number}", now)
        elif what == "end":
            end(traffic, f"r{number}", now)
        elif what == "progress":
            traffic.apply("request.progress", {"id": f"r{number}", "output_tokens": 1}, now)
        else:
            traffic.pause(not traffic.paused)
    assert len(set(ids(traffic))) == len(ids(traffic)) <= traffic.kept
    assert traffic.meter.total["started"] == sum(what == "start" for what, _ in steps)
