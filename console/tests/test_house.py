"""The state as a whole: answers that fail, incidents that repeat, and what both look like."""

from tollhouse_console.model.health import cards
from tollhouse_console.model.house import House
from tollhouse_console.text import plain
from tollhouse_console.views import health
from tollhouse_console.views.page import missing


def test_an_answer_that_fails_keeps_the_value_before_it():
    house = House()
    assert house.answer("keys").word == "loading"
    house.answered("keys", {"keys": [{"name": "a"}]}, 1.0)
    house.failed("keys", "nothing answers", 0, 2.0)
    assert (house.answer("keys").word, house.items("keys")) == ("failed", [{"name": "a"}])
    assert missing(house.answer("keys"), "auth", "keys", 80) is None


def test_what_is_absent_refused_or_broken_is_told_apart():
    house = House()
    for status, words in ((404, "Not loaded"), (403, "may not read"), (500, "No keys: gone")):
        house.failed("keys", "gone", status, 1.0)
        assert words in " ".join(plain(missing(house.answer("keys"), "auth", "keys", 200)))


def test_the_same_incident_is_counted_and_an_outage_stays_in_sight():
    house = House()
    house.apply("target.down", {"at": 1.0, "target": "x/y"}, 1.0)
    for number in range(1000):
        house.apply("limit.queued", {"at": number, "key": "k", "id": f"r{number}"}, number)
        house.apply("limit.released", {"at": number, "key": "k", "id": f"r{number}"}, number)
    assert [(one.kind, one.times) for one in house.incidents] == [
        ("target.down", 1), ("limit.queued", 1000), ("limit.released", 1000),
    ]  # fmt: skip
    said = plain(health.page(house, 1000.0, 100).lines)
    assert any("! target.down target x/y" in line for line in said)
    assert any(line.endswith("×1000") for line in said)


def test_an_event_nobody_knows_is_an_incident_not_an_error():
    house = House()
    house.apply("weather.changed", {"at": 1.0, "why": "rain"}, 1.0)
    assert house.incidents[0].words == "why rain"


def test_targets_that_need_a_person_come_first():
    said = [
        {"target": "a/up", "state": "up"},
        {"target": "b/failing", "state": "up", "error_ratio": 0.5},
        {"target": "c/drained", "state": "drained"},
        {"target": "d/open", "state": "up"},
        {"target": "e/down", "state": "down"},
        {"target": "f/idle", "state": "unknown"},
    ]
    found = cards(said, [{"target": "d/open", "state": "open", "until": 5.0, "why": "503", "failures": 5}])
    words = [(card.target[0], card.word) for card in found]
    assert words == [("e", "DOWN"), ("d", "OPEN"), ("b", "FAILING"), ("c", "DRAINED"), ("f", "IDLE"), ("a", "UP")]
    assert found[1].breaker == "open after 5 failures: 503"
