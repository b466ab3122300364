"""What a store URL says, and what errors never say of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.errors import ConfigError
from tollhouse.store.opening import open_store
from tollhouse_redis import RedisStore, open_redis
from tollhouse_redis.address import Address, parse_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", Address(host="cache")),
        ("redis://cache:1/3", Address(host="cache", port=1, db=3)),
        ("redis://ann:p%40ss@[::1]/", Address(host="::1", user="ann", password="p@ss")),
        ("redis://:secret@cache?prefix=team-a", Address(host="cache", password="secret", prefix="team-a")),
        ("rediss://cache?ca=/ca.pem", Address(host="cache", tls=True, ca="/ca.pem")),
        ("unix:///run/redis.sock?db=2", Address(path="/run/redis.sock", db=2)),
        ("unix://:secret@/run/a%20b.sock", Address(path="/run/a b.sock", password="secret")),
    ],
)
def test_a_url_says_where_and_how(url, address):
    assert parse_url(url) == address


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
def test_its_schemes_are_known_by_name(scheme):
    assert isinstance(open_store(f"{scheme}://cache/0"), RedisStore)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis:", "names no host"),
        ("redis://:hunter2@/0", "names no host"),
        ("unix://:hunter2@", "names no file"),
        ("redis://:hunter2@cache/one", "database is a number"),
        ("redis://:hunter2@cache:port/0", "no URL of a Redis"),
        ("redis://:hunter2@cache:70000/0", "no URL of a Redis"),
        ("redis://:hunter2@[cache/0", "no URL of a Redis"),
        ("redis://cache/0?password=hunter2", "not known. Known: prefix."),
        ("rediss://cache/0?certs=hunter2", 'Did you mean "cert"'),
        ("redis://:hunter2#@cache/0", "percent-encoded"),
        ("redis://cache/0#hunter2", "has no `#`"),
        ("redis://:hunter2@cache?prefix=a}b", "a prefix is"),
        ("http://:hunter2@cache", "no URL of a Redis"),
    ],
)
def test_a_wrong_url_is_a_config_error_that_keeps_the_password(url, words):
    with pytest.raises(ConfigError, match=words) as caught:
        open_redis(url)
    assert caught.value.path == "store.url"
    assert "hunter2" not in f"{caught.value!r} {caught.value.hint} {caught.value.__cause__!r}"


def test_no_text_of_a_store_or_an_address_has_its_password():
    store = open_redis("redis://ann:hunter2@cache:1/0")
    assert "hunter2" not in f"{store!r} {store} {parse_url('redis://ann:hunter2@cache')!r}"


@given(st.text())
def test_any_text_is_an_address_or_a_config_error(text):
    for url in (text, f"redis://{text}", f"unix:///{text}"):
        try:
            assert isinstance(parse_url(url), Address)
        except ConfigError:
            continue
