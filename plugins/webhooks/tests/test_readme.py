"""The README's tables say what there is, and its receiver takes what is sent."""

import re
from pathlib import Path

import pytest
from receiving import SECRET
from tollhouse_webhooks.catalogue import TYPES
from tollhouse_webhooks.catalogue import TestData as Trial
from tollhouse_webhooks.deliveries import KEPT
from tollhouse_webhooks.letter import write
from tollhouse_webhooks.schedule import SCHEDULE
from tollhouse_webhooks.shapes import signed

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_every_type_and_every_field_of_a_message_stands_in_its_table():
    section = README.partition("## Messages")[2].partition("## Settings")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    said, last = {}, []
    for type_, _, fields in rows:
        last = re.findall(r"`(\w+)`", fields) or last
        said[type_.strip(" `")] = last
    assert said == {type_: list(kind.__struct_fields__) for type_, (kind, _) in TYPES.items()}


def test_the_schedule_and_the_bounds_are_those_of_the_code():
    assert (0, 5, 5 * 60, 30 * 60, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24))) == SCHEDULE
    assert "5 seconds, 5 minutes, 30 minutes, 2, 5, 10, 14, 20 and 24 hours" in README
    assert f"latest {KEPT} tries" in README


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 204), ("whsec_" + "else" * 8, 401)])
def test_the_receiver_takes_what_is_signed_and_nothing_else(secret, status, monkeypatch):
    import time

    [code] = re.findall(r"```python\n(# receiver.py.*?)```", README, re.DOTALL)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    names = {}
    exec(code, names)
    letter = write("webhook.test", time.time(), Trial(webhook="ops"), "msg_1")
    headers = dict(signed([secret], letter.id, bytes(letter.body), time.time()))
    assert names["received"](headers, bytes(letter.body)) == status
