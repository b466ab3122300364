"""Durations, sizes and money: what is accepted, what is refused in which words, and the round trip."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.config import AmountError, Duration, DurationOrOff, Money, Size, dec_hook, enc_hook
from tollhouse.config.amounts import CEILING, LONGEST_DURATION


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10.0),
        ("1.5s", 1.5),
        ("1m30s", 90.0),
        ("1m30.5s", 90.5),
        ("2h", 7200.0),
        ("7d", 604800.0),
        ("1d2h3m4s5ms", 93784.005),
        ("1_000s", 1000.0),
        (3, 3.0),
        (0.5, 0.5),
    ],
)
def test_a_duration_is_seconds(said: str | float, seconds: float) -> None:
    assert Duration(said) == seconds


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        ("10 seconds", "10s"),
        ("10 s", "10s"),
        ("10", "10s"),
        ("1 hour and 30 minutes", "1h30m"),
        ("5 mins", "5m"),
        ("5M", "5m"),
        ("10sec", "10s"),
        ("", ""),
        ("soon", ""),
        ("30s1m", ""),
        ("1.5h30m", ""),
        ("-5s", ""),
        ("1e3s", ""),
        ("1__0s", ""),
        ("١s", ""),
    ],
)
def test_another_duration_is_refused_with_a_guess(said: str, guess: str) -> None:
    with pytest.raises(AmountError) as error:
        Duration(said)
    forms = 'Accepted: "250ms", "10s", "1m30s", "2h", "7d", a number of seconds.'
    did = f'Did you mean "{guess}"? ' if guess else ""
    assert str(error.value) == f'"{said}" is not a duration. {did}{forms}'


@pytest.mark.parametrize("said", [0, 0.0, -1, "0s", "0", float("nan"), float("inf"), 10**400, "99999999999d", True])
def test_a_duration_is_above_zero_and_below_a_century(said: str | float) -> None:
    with pytest.raises(AmountError):
        Duration(said)


@pytest.mark.parametrize("said", [0, 0.0, "0", "off"])
def test_a_duration_may_be_off_only_where_it_says_so(said: str | float) -> None:
    assert DurationOrOff(said) == 0.0
    assert DurationOrOff(said).spoken() == "off"
    with pytest.raises(AmountError):
        Duration(said)


@given(st.floats(min_value=1e-6, max_value=LONGEST_DURATION) | st.integers(1, 10_000_000))
def test_a_duration_survives_being_spoken(seconds: float) -> None:
    made = Duration(seconds)
    assert Duration(made.spoken()) == made


@pytest.mark.parametrize(
    ("said", "words"),
    [(0.25, "250ms"), (90, "1m30s"), (86400, "1d"), (580, "9m40s"), (1.5, "1.5s"), (3600.5, "1h0.5s")],
)
def test_a_duration_is_spoken_in_the_largest_units(said: float, words: str) -> None:
    assert Duration(said).spoken() == words


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ("512 B", 512),
        ("64 KiB", 65536),
        ("32MiB", 33554432),
        ("1 MB", 10**6),
        ("1.5 GiB", 1610612736),
        (10, 10),
    ],
)
def test_a_size_is_bytes(said: str | int, count: int) -> None:
    assert Size(said) == count


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        ("32 MIB", "32 MiB"),
        ("1 KB", "1 kB"),
        ("32M", "32 MB"),
        ("32", "32 B"),
        ("10 bytes", "10 B"),
        ("big", ""),
    ],
)
def test_another_size_is_refused_with_a_guess(said: str, guess: str) -> None:
    with pytest.raises(AmountError) as error:
        Size(said)
    forms = 'Accepted: "512 B", "64 KiB", "32 MiB", "1 MB", a number of bytes.'
    did = f'Did you mean "{guess}"? ' if guess else ""
    assert str(error.value) == f'"{said}" is not a size. {did}{forms}'


@pytest.mark.parametrize("said", [0, -1, "0 B", "0.1 B", True, 1.5, 2**53, "9999999 TiB"])
def test_a_size_is_a_whole_positive_number(said: str | int) -> None:
    with pytest.raises(AmountError):
        Size(said)


@given(
    st.integers(1, CEILING - 1)
    | st.integers(1, 2**33).map(lambda n: n * 1024)
    | st.integers(1, 9000).map(lambda n: n * 10**9)
)
def test_a_size_survives_being_spoken(count: int) -> None:
    assert Size(Size(count).spoken()) == count


@pytest.mark.parametrize(
    ("said", "nano"),
    [
        ("500 USD", 500 * 10**9),
        ("500USD", 500 * 10**9),
        ("$0.25", 250_000_000),
        ("1_000 USD", 1000 * 10**9),
        ("5k USD", 5000 * 10**9),
        ("$1.5M", 1_500_000 * 10**9),
        ("0 USD", 0),
        ("0.000000001 USD", 1),
    ],
)
def test_money_is_nano_usd(said: str, nano: int) -> None:
    assert Money(said) == nano


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        ("500", "500 USD"),
        ("1,000 USD", "1000 USD"),
        ("500 usd", "500 USD"),
        ("500 dollars", "500 USD"),
        ("$ 5K", "5k USD"),
        ("5 EUR", ""),
        ("-5 USD", ""),
    ],
)
def test_other_money_is_refused_with_a_guess(said: str, guess: str) -> None:
    with pytest.raises(AmountError) as error:
        Money(said)
    forms = 'Accepted: "500 USD", "0.25 USD", "$0.25", "5k USD".'
    did = f'Did you mean "{guess}"? ' if guess else ""
    assert str(error.value) == f'"{said}" is not an amount of money. {did}{forms}'


def test_money_stays_below_what_counters_hold() -> None:
    assert Money("9007199.254740991 USD") == 2**53 - 1
    with pytest.raises(AmountError, match=r"amounts stay below 9,007,199 USD \(2\^53 nano-USD\)"):
        Money("9007199.254740992 USD")
    with pytest.raises(AmountError, match=r"the smallest amount is 0\.000000001 USD"):
        Money("0.0000000001 USD")


@given(st.integers(0, CEILING - 1))
def test_money_survives_being_spoken(nano: int) -> None:
    assert Money(Money(nano).spoken()) == nano


@given(st.text(max_size=60))
def test_any_text_is_an_amount_or_an_amount_error(text: str) -> None:
    for kind in (Duration, DurationOrOff, Size, Money):
        with suppress(AmountError):
            made = kind(text)
            assert kind(made.spoken()) == made


class Sample(msgspec.Struct):
    ttl: Duration = Duration("10m")
    size: Size | None = None


def test_msgspec_converts_and_encodes_amounts_with_the_hooks() -> None:
    made = msgspec.convert({"ttl": "1h", "size": "1 KiB"}, Sample, dec_hook=dec_hook)
    assert made == Sample(ttl=Duration(3600), size=Size(1024))
    assert msgspec.to_builtins(made, enc_hook=enc_hook) == {"ttl": "1h", "size": "1 KiB"}
    with pytest.raises(msgspec.ValidationError, match=r"is not a duration.*at `\$\.ttl`"):
        msgspec.convert({"ttl": "x"}, Sample, dec_hook=dec_hook)
