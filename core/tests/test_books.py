"""`tollhouse spend` and `tollhouse ledger`, over a ledger in a real file; and the end of old months."""

import asyncio
import csv
import io
import json
import subprocess
import sys
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import cli, retention
from tollhouse.books.table import exact, printable, usd
from tollhouse.store import Row
from tollhouse.store.memory import open_memory
from tollhouse.store.sqlite import open_sqlite
from tollhouse.testing import gateway, run

CONFIG = 'plugins = []\n[providers]\nsimulator = {}\n[store]\nurl = "sqlite:%s"\n'
NOON = 1_800_000_000.0
"""2027-01-15 08:00 UTC."""
ROWS = [
    Row(id="a", at=NOON, outcome="completed", key="ci", team="search", model="fast", target="acme/large",
        tokens={"input": 1200, "output": 34}, cost=1_234_000, request_id="a"),
    Row(id="b", at=NOON + 60, outcome="completed", key="ci", team="search", model="fast", target="acme/large",
        tokens={"input": 10, "cache_read": 90, "reasoning": 5}, cost=1, request_id="b"),
    Row(id="c", at=NOON + 3600, outcome="completed", key="web", team="ads", model="odd\x1b[2J", target="acme/odd",
        cost=None, tokens={"input": 7}, request_id="c"),
    Row(id="d", at=NOON + 86400, outcome="answered", key="web", team="ads", model="fast", cost=0, saved=25 * 10**8,
        tags=("x", "y"), request_id="d"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a gateway.toml and a ledger."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text(CONFIG % "state.db")
    book(tmp_path, ROWS)
    return tmp_path


def book(folder, rows):
    async def story():
        store = open_sqlite(f"sqlite:{folder}/state.db")
        await asyncio.gather(*(store.settle(row.id, {}, row=row) for row in rows))
        await store.close()

    asyncio.run(story())


def said(capsys, *words):
    assert cli.main(words) == 0, capsys.readouterr().err
    return capsys.readouterr().out


SPAN = ("--since", "2027-01-15", "--until", "2027-01-17")


def test_spend_is_a_table_with_exact_money_and_what_has_no_price(folder, capsys):
    assert said(capsys, "spend", *SPAN, "--by", "team,model").splitlines() == [
        "2027-01-15 00:00 UTC to 2027-01-17 00:00 UTC",
        "",
        "team    model       requests  input  output     cost USD  unpriced  saved USD",
        "------  ----------  --------  -----  ------  -----------  --------  ---------",
        "search  fast               2  1,300      39  0.001234001         0       0.00",
        "ads     fast               1      0       0  0.000000000         0       2.50",
        "ads     odd\\x1b[2J         1      7       0     unpriced         1       0.00",
        "------  ----------  --------  -----  ------  -----------  --------  ---------",
        "total                      4  1,307      39  0.001234001         1       2.50",
        "",
        "1 request has no price and cost more than shown here: acme/odd (1).",
    ]


def test_days_and_hours_come_in_their_order(folder, capsys):
    lines = said(capsys, "spend", *SPAN, "--by", "day", "--csv").splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["2027-01-15", "3"], ["2027-01-16", "1"]]
    hours = json.loads(said(capsys, "spend", *SPAN, "--by", "hour,day", "--json"))["rows"]
    assert [one["hour"] for one in hours] == [int(NOON), int(NOON) + 3600, int(NOON) + 86400]
    assert [one["day"] for one in hours] == ["2027-01-15", "2027-01-15", "2027-01-16"]


def test_spend_for_programs_says_the_same(folder, capsys):
    [row] = json.loads(said(capsys, "spend", *SPAN, "--where", "key=ci", "--by", "target", "--json"))["rows"]
    figures = {"requests": 2, "input_tokens": 1300, "output_tokens": 39, "cost_nano_usd": 1_234_001}
    assert row == {"target": "acme/large", **figures, "unpriced": 0, "saved_nano_usd": 0}
    [row] = csv.DictReader(io.StringIO(said(capsys, "spend", *SPAN, "--where", "key=ci", "--by", "", "--csv")))
    assert (row["requests"], row["cost_usd"]) == ("2", "0.001234001")


def test_a_span_of_nothing_says_so(folder, capsys):
    assert said(capsys, "spend", "--since", "2020-01-01", "--until", "2020-01-02").endswith("Nothing was booked.\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["spend", "--by", "city"], 'no column "city"'),
        (["spend", "--where", "cost=1"], "--where wants COLUMN=VALUE"),
        (["ledger", "export", "--where", "team"], "--where wants COLUMN=VALUE"),
    ],
)
def test_a_wrong_question_is_one_sentence(folder, capsys, words, why):
    assert cli.main(words) == 1
    assert why in capsys.readouterr().err


def test_a_wrong_date_is_bad_usage(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["spend", "--since", "yesterday"])
    assert ended.value.code == 2
    assert '"yesterday" is neither a span such as 7d nor a date' in capsys.readouterr().err


@pytest.mark.parametrize("words", [["spend"], ["ledger", "export"], ["ledger", "trim", "--keep", "90d"]])
def test_a_ledger_in_memory_cannot_be_read_from_outside(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text('[providers]\nsimulator = {}\n[store]\nurl = "memory:"\n')
    assert cli.main(words) == 1
    assert "memory of the gateway's own process" in capsys.readouterr().err


def test_an_export_has_every_row_newest_first_and_whole(folder, capsys, monkeypatch):
    monkeypatch.setattr("tollhouse.books.ledger.PAGE", 3)
    lines = [json.loads(line) for line in said(capsys, "ledger", "export", *SPAN).splitlines()]
    assert [line["id"] for line in lines] == ["d", "c", "b", "a"]
    assert (lines[1]["cost"], lines[0]["saved"], lines[0]["tags"]) == (None, 25 * 10**8, ["x", "y"])
    assert set(lines[0]) == set(Row.__struct_fields__)
    [row] = csv.DictReader(io.StringIO(said(capsys, "ledger", "export", *SPAN, "--format", "csv", "--where", "id=b")))
    assert (row["cache_read_tokens"], row["cost_usd"], row["attempts"]) == ("90", "0.000000001", "[]")


@pytest.mark.slow
def test_an_export_that_nobody_reads_to_its_end_does_not_complain(folder):
    book(folder, [Row(id=f"row-{i}", at=NOON, outcome="completed", request_id="r" * 200) for i in range(3000)])
    command = [sys.executable, "-m", "tollhouse", "ledger", "export", "--since", "2027-01-01", "--until", "2028-01-01"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert json.loads(process.stdout.readline())["id"] == "d"
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


def test_trim_deletes_whole_months(folder, capsys):
    words = said(capsys, "ledger", "trim", "--before", "2027-01-31")
    assert words == "0 rows from before 2027-01-01 (UTC) were deleted.\n"
    words = said(capsys, "ledger", "trim", "--before", "2027-02-01")
    assert words == "4 rows from before 2027-02-01 (UTC) were deleted.\n"
    assert said(capsys, "ledger", "export", *SPAN) == ""


def test_a_gateway_forgets_what_is_older_than_keep(monkeypatch):
    monkeypatch.setattr(retention, "FIRST", 0.01)
    store = open_memory("memory:")
    now = time.time()

    async def story():
        for id_, at in (("old", now - 100 * 86400), ("new", now)):
            await store.settle(id_, {}, row=Row(id=id_, at=at, outcome="completed"))
        async with gateway('[providers]\nsimulator = {}\n[store]\nkeep = "32d"\n', store=store):
            while len(await store.rows(0, now + 1)) > 1:
                await asyncio.sleep(0.01)
        assert [row.id for row in await store.rows(0, now + 1)] == ["new"]

    run(story())


@given(st.lists(st.integers(0, 2**53 - 1), min_size=1))
def test_money_is_shown_exactly_and_aligned(amounts):
    texts = usd(amounts)
    assert [Decimal(text.replace(",", "")) * 10**9 for text in texts] == amounts
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    assert [int(exact(amount).replace(".", "")) for amount in amounts] == amounts


@given(st.text())
def test_nothing_printed_moves_the_cursor(text):
    assert printable(text).isprintable()
