"""Where a credential may stand, and where not."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Rejected
from tollhouse_auth.credential import read_credential


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-fake"},
        {"authorization": "bearer   sk-fake "},
        {"x-api-key": "sk-fake"},
        {"x-goog-api-key": "sk-fake"},
        {"api-key": "sk-fake"},
        {"x-api-key": "sk-fake", "authorization": "Bearer sk-fake"},
        {"x-api-key": "sk-fake", "authorization": "Basic c29tZTpib2R5"},
    ],
)
def test_it_is_read_from_every_clients_header(headers):
    assert read_credential(headers, "") == "sk-fake"


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer "}, {"authorization": "Basic eA=="}, {"x-api-key": " "}, {"cookie": "key=sk"}],
)
def test_without_one_there_is_none(headers):
    assert read_credential(headers, "alt=sse") == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "a", "authorization": "Bearer b"},
        {"x-api-key": "a", "x-goog-api-key": "b"},
        {"api-key": "a", "x-api-key": "A"},
    ],
)
def test_two_different_ones_are_refused(headers):
    with pytest.raises(Rejected) as refused:
        read_credential(headers, "")
    assert (refused.value.status, refused.value.code) == (401, "conflicting_credentials")


@pytest.mark.parametrize("query", ["key=sk-fake", "alt=sse&key=x", "api_key=x", "KEY=x", "access_token=x", "%6Bey=x"])
def test_one_in_the_url_is_refused_with_the_header_to_use(query):
    with pytest.raises(Rejected, match=r"Authorization: Bearer KEY") as refused:
        read_credential({}, query)
    assert (refused.value.status, refused.value.code) == (401, "key_in_url")
    assert "sk-fake" not in refused.value.message


def test_beside_a_header_a_parameter_of_that_name_is_the_providers_unless_it_holds_one_of_ours():
    assert read_credential({"x-api-key": "sk-fake"}, "key=vector") == "sk-fake"
    with pytest.raises(Rejected):
        read_credential({"x-api-key": "sk-fake"}, "key=th-0123456789-x")


@given(
    st.dictionaries(st.sampled_from(["authorization", "x-api-key", "api-key", "x-goog-api-key"]), st.text(max_size=60)),
    st.text(max_size=60),
)
def test_whatever_the_headers_hold_it_is_read_or_refused(headers, query):
    found = ""
    with suppress(Rejected):
        found = read_credential(headers, query)
    assert not found or any(found in value for value in headers.values())
