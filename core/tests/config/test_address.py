"""Addresses to listen on."""

from __future__ import annotations

import pytest
from tollhouse.config import Address, AmountError


@pytest.mark.parametrize(
    ("said", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("[::1]:0", "::1", 0),
        ("my-host.local:65535", "my-host.local", 65535),
    ],
)
def test_an_address_has_a_host_and_a_port(said: str, host: str, port: int) -> None:
    made = Address(said)
    assert (made, made.host, made.port, made.spoken()) == (said, host, port, said)


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        (":8080", "0.0.0.0:8080"),
        ("8080", "127.0.0.1:8080"),
        ("localhost", "localhost:8080"),
        ("http://localhost:80/", "localhost:80"),
        ("a:99999", ""),
        ("", ""),
    ],
)
def test_another_address_is_refused_with_a_guess(said: str, guess: str) -> None:
    with pytest.raises(AmountError) as error:
        Address(said)
    forms = 'Accepted: "127.0.0.1:8080", "0.0.0.0:8080", "[::1]:8080".'
    did = f'Did you mean "{guess}"? ' if guess else ""
    assert str(error.value) == f'"{said}" is not an address to listen on. {did}{forms}'


@pytest.mark.parametrize(
    ("said", "here"),
    [
        ("127.0.0.1:80", True),
        ("127.8.8.8:80", True),
        ("[::1]:80", True),
        ("localhost:80", True),
        ("LOCALHOST:80", True),
        ("0.0.0.0:80", False),
        ("[::]:80", False),
        ("10.0.0.1:80", False),
        ("localhost.example:80", False),
        ("127.0.0.1.example:80", False),
    ],
)
def test_an_address_knows_whether_only_this_machine_reaches_it(said: str, here: bool) -> None:
    assert Address(said).loopback is here
