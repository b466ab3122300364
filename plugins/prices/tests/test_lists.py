"""Our cards against the library's own arithmetic, for every model it knows and any usage."""

from datetime import UTC, datetime
from decimal import Decimal

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import Usage as Theirs
from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse import Usage
from tollhouse.usage import BUCKETS
from tollhouse_prices.listed import DEARER, card_of
from tollhouse_prices.vendors import LISTS, at_address, vendor_of

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
PRICES = [
    (vendor.id, model.id, model.get_prices(AT))
    for vendor in get_snapshot().providers
    for model in vendor.models
    if card_of(model.get_prices(AT)) is not None
]
TOLD_APART = [one for one in PRICES if not any(getattr(one[2], name) is not None for name in DEARER)]
"""Entries whose output usage tells apart."""
COUNTS = st.integers(0, 1_500_000)
USAGES = st.dictionaries(st.sampled_from(BUCKETS), COUNTS)


def theirs(usage):
    """The same usage as the library wants it: totals that contain their parts."""
    written = (usage.cache_write or 0) + (usage.cache_write_1h or 0)
    return Theirs(
        input_tokens=usage.total_input,
        output_tokens=usage.total_output,
        cache_read_tokens=usage.cache_read or 0,
        cache_write_tokens=written,
        cache_write_5m_tokens=usage.cache_write or 0,
        cache_write_1h_tokens=usage.cache_write_1h or 0,
        input_audio_tokens=usage.input_audio or 0,
        output_audio_tokens=usage.output_audio or 0,
        output_reasoning_tokens=usage.reasoning or 0,
        # What no bucket of ours holds.
        cache_audio_read_tokens=0,
        cache_image_read_tokens=0,
        input_image_tokens=0,
        input_video_tokens=0,
        output_citation_tokens=0,
        audio_seconds=0,
        input_audio_seconds=0,
        output_audio_seconds=0,
    )


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TOLD_APART), USAGES)
def test_any_usage_of_any_model_costs_what_the_library_says(entry, counts):
    _, _, prices = entry
    usage = Usage(**counts)
    if prices.output_mtok is None:
        usage = Usage(**{bucket: counts[bucket] for bucket in counts if "input" in bucket or "cache" in bucket})
    expected = prices.calc_price(theirs(usage))["total_price"] * 1_000_000_000
    assert abs(card_of(prices).rates("list").cost(usage) - expected) <= Decimal("0.5")


def test_most_of_the_lists_can_be_read():
    vendors = {vendor for vendor, _, _ in PRICES}
    assert {"openai", "anthropic", "google", "aws", "groq", "mistral", "openrouter", "x-ai"} <= vendors
    assert len(PRICES) > 1500
    assert len(PRICES) - len(TOLD_APART) < 25


def test_every_list_that_a_kind_names_exists():
    vendors = {vendor.id: vendor for vendor in get_snapshot().providers}
    assert {said for said in LISTS.values() if said} <= set(vendors)
    kinds = ["anthropic", "azure", "cerebras", "deepseek", "groq", "mistral", "openai", "openrouter", "perplexity"]
    assert [vendor_of(kind, "", vendors)[0] for kind in kinds] == kinds
    assert vendor_of("bedrock", "https://vpce-1.example.com", vendors)[0] == "aws"
    assert at_address("https://generativelanguage.googleapis.com", vendors.values()) == "google"
    assert at_address("https://api.openai.com.evil.example/v1", []) == ""
