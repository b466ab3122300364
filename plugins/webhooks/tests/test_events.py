"""Every event becomes the message it should, and every message fits its schema."""

import jsonschema
import msgspec
import pytest
from tollhouse.events import ConfigReloaded, DemandRefused, StoreChanged, TargetDown, TargetUp
from tollhouse_auth.events import KeyCreated, KeyRevoked, KeyRotated
from tollhouse_budget import BudgetExhausted, BudgetThreshold
from tollhouse_moderation.events import ModerationBlocked
from tollhouse_webhooks import WebhookDisabled, WebhookFailed
from tollhouse_webhooks.catalogue import TYPES, RequestData, schema, schemas
from tollhouse_webhooks.catalogue import TestData as Trial
from tollhouse_webhooks.letter import about, packed, unpacked, write
from tollhouse_webhooks.notices import of_event, type_of
from tollhouse_webhooks.words import line

AT = 1_700_000_000.25
BUDGET = {"budget": "team search", "scope": {"team": "search"}, "percent": 80, "spent": 8, "limit": 10, "period": "day"}
KEY = {"key": "ci", "by": "cli:ann", "team": "search", "change": "17"}

EVENTS = [
    (BudgetThreshold(at=AT, **BUDGET, resets_at=5), "budget.threshold"),
    (BudgetExhausted(at=AT, **BUDGET), "budget.exhausted"),
    (DemandRefused(at=AT, key="rate_limit:key:ci:60", id="req_1", shadow=True), "limit.hit"),
    (TargetDown(at=AT, target="openai/gpt-5", why="503 five times", until=AT + 10), "provider.down"),
    (TargetUp(at=AT, target="openai/gpt-5"), "provider.up"),
    (
        ModerationBlocked(
            at=AT, id="req_1", rule="r", check="pii", action="block", direction="input", result="matched", team="search"
        ),
        "moderation.blocked",
    ),
    (KeyCreated(at=AT, **KEY), "key.created"),
    (KeyRotated(at=AT, **KEY), "key.rotated"),
    (KeyRevoked(at=AT, **KEY), "key.revoked"),
    (ConfigReloaded(at=AT, edition=2), "config.reloaded"),
    (StoreChanged(at=AT, up=False, why="gone"), "store.down"),
    (StoreChanged(at=AT, up=True), "store.up"),
    (WebhookFailed(at=AT, webhook="ops", id="msg_1", about="budget.threshold", why="answered 500"), "webhook.failed"),
    (WebhookDisabled(at=AT, webhook="ops", why="it answered 410 Gone"), "webhook.disabled"),
]


def messages():
    """One letter of every type."""
    for event, type_ in EVENTS:
        notice = of_event(event)
        yield type_, write(notice.type, notice.at, notice.data, notice.id)
    for type_ in ("request.completed", "request.failed"):
        for cost in (None, 17, 3_000_000_000):
            data = RequestData(id="req_1", request_id="a", outcome="failed", status=503, cost=cost, tokens={"input": 4})
            yield type_, write(type_, AT, data, "msg_1")
    yield "webhook.test", write("webhook.test", AT, Trial(webhook="ops"), "msg_2")


@pytest.mark.parametrize(("event", "type_"), EVENTS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_event_becomes_its_message(event, type_):
    assert type_of(event) == type_
    notice = of_event(event)
    assert (notice.type, notice.at) == (type_, AT)
    said = msgspec.to_builtins(event)
    told = msgspec.to_builtins(notice.data)
    assert {name: told[name] for name in told if name in said and type_ != "limit.hit"} == {
        name: said[name] for name in told if name in said and type_ != "limit.hit"
    }


def test_every_type_is_sent_by_something():
    assert {type_ for type_, _ in messages()} == set(TYPES)


@pytest.mark.parametrize("type_", TYPES)
def test_messages_fit_their_schema_and_others_do_not(type_):
    validator = jsonschema.Draft202012Validator(schema(type_))
    jsonschema.Draft202012Validator.check_schema(schema(type_))
    seen = 0
    for other, letter in messages():
        body = msgspec.json.decode(letter.body)
        if other == type_:
            validator.validate(body)
            assert set(body) == {"type", "timestamp", "data"}
            assert body["timestamp"] == "2023-11-14T22:13:20.250Z"
            seen += 1
        else:
            assert not validator.is_valid(body)
    assert seen


def test_there_is_a_schema_for_every_type_with_every_field_said():
    assert set(schemas()) == set(TYPES)
    for type_, (kind, _) in TYPES.items():
        assert set(schema(type_)["properties"]["data"]["properties"]) == set(kind.__struct_fields__)


def test_every_message_has_a_line_for_people():
    for _, letter in messages():
        text = line(letter)
        assert 10 < len(text) < 200
        assert "\n" not in text
        assert "None" not in text
        assert "{" not in text


def test_a_letter_comes_out_of_the_outbox_as_it_went_in():
    for _, letter in messages():
        assert unpacked(packed(letter)) == letter


def test_what_several_processes_see_has_one_id_and_what_differs_another():
    def id_(event):
        return of_event(event).id

    threshold = BudgetThreshold(at=AT, **BUDGET, resets_at=5)
    again = BudgetThreshold(at=AT + 9, **{**BUDGET, "spent": 9}, resets_at=5)
    assert id_(threshold) == id_(again)
    assert id_(threshold) != id_(BudgetThreshold(at=AT, **{**BUDGET, "percent": 95}, resets_at=5))
    assert id_(threshold) != id_(BudgetThreshold(at=AT, **BUDGET, resets_at=6))
    assert id_(KeyCreated(at=AT, **KEY)) == id_(KeyCreated(at=AT + 60, **KEY))
    assert id_(KeyCreated(at=AT, **KEY)) != id_(KeyRevoked(at=AT, **KEY))
    assert id_(ConfigReloaded(at=AT, edition=2)) == id_(ConfigReloaded(at=AT + 3, edition=2))
    assert id_(ConfigReloaded(at=AT, edition=2)) != id_(ConfigReloaded(at=AT, edition=3))
    hit = DemandRefused(at=AT, key="rate_limit:x", id="req_1")
    assert id_(hit) == id_(DemandRefused(at=AT + 1, key="rate_limit:x", id="req_2"))
    assert id_(hit) != id_(DemandRefused(at=AT + 60, key="rate_limit:x", id="req_1"))
    up = TargetUp(at=AT, target="a/b")
    assert id_(up) != id_(TargetUp(at=AT + 1, target="a/b"))


def test_whom_a_message_is_about_comes_from_its_fields_or_its_scope():
    assert about(of_event(EVENTS[0][0]).data) == {"team": "search"}
    assert about(of_event(EVENTS[6][0]).data) == {"team": "search", "key": "ci"}
    assert about(of_event(EVENTS[9][0]).data) == {}


def test_an_event_of_a_known_type_that_lacks_what_it_used_to_say_is_left_out(caplog):
    from tollhouse.events import Event

    class Stranger(Event, tag="key.created", frozen=True, kw_only=True):
        name: str

    assert of_event(Stranger(at=AT, name="ci")) is None
    assert "key.created" in caplog.text
