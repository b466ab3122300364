"""What a recorded reply cost is what the price list's own library says it cost, streamed or not."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from genai_prices.data_snapshot import get_snapshot
from tollhouse import ProviderError
from tollhouse.framing import sse
from tollhouse.testing import gateway, run
from tollhouse.testing.corpus import recordings
from tollhouse_prices.listed import Lists

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
DIALECTS = {
    "chat_completions": "openai",
    "embeddings": "openai",
    "messages": "anthropic",
    "responses": "openai_responses",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
}
CONFIG = 'plugins = ["openai", "anthropic", "gemini"]\n[providers]\nsimulator = {}\n'
VENDORS = {"gemini": "google", "vertex": "google", "bedrock": "aws", "xai": "x-ai"}
FLAVORS = {"chat_completions": "chat", "embeddings": "embeddings", "responses": "responses"}
UNCOUNTED = ("web_searches", "social_searches", "storage_searches", "code_executions")
"""What vendors charge beside tokens, and no usage bucket holds."""

UNCLEAR = {"pydantic-ai/gemini.streamGenerateContent.87d73dd14526.json"}
"""A stream whose reports contradict each other: its last total leaves no room for the output told before."""

VENDOR = {one.id: one for one in get_snapshot().providers}
GOOD = [r for r in recordings(*DIALECTS, kinds=("json", "sse")) if r.status == 200]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GOOD, reason="no recordings: TOLLHOUSE_RECORDINGS may name the folder of `corpus`"),
]


@pytest.fixture(scope="module")
def lists():
    return Lists()


@pytest.fixture(scope="module")
def dialects():
    async def loaded():
        async with gateway(CONFIG) as made:
            return made.edition.dialects

    return run(loaded())


def frames_of(recording):
    splitter = sse.Splitter()
    data = recording.reply()
    return [frame for frame in [*splitter.feed(data), splitter.rest()] if frame]


def measured(recording, dialects):
    """Our usage, and the vendor's body that says the same to the library: for a stream its reports laid over each
    other."""
    task = "embed" if recording.endpoint == "embeddings" else "chat"
    reads = dialects[DIALECTS[recording.endpoint]].decoder(task)
    if recording.kind == "json":
        raw = recording.reply()
        body = msgspec.json.decode(raw)
        if isinstance(body, list):
            return None, {}
        try:
            return reads.whole(raw).usage, body
        except ProviderError:
            return None, {}
    usage, body = None, {}
    for frame in frames_of(recording):
        seen = reads.sniff(frame)
        if seen.usage is not None:
            usage = usage.merged(seen.usage) if usage else seen.usage
        data = sse.data(frame)
        if not data.startswith(b"{"):
            continue
        said = msgspec.json.decode(data)
        said = said.get("message") or said.get("response") or said
        for name in ("model", "modelVersion"):
            body[name] = said.get(name) or body.get(name)
        for name in ("usage", "usageMetadata"):
            if isinstance(said.get(name), dict):
                body[name] = {**body.get(name, {}), **said[name]}
    return usage, body


def reckoned(vendor, flavor, body):
    """What the library reckons, in nano-USD; None where it cannot."""
    provider = VENDOR[vendor]
    try:
        model, usage = provider.extract_usage(body, api_flavor=flavor)
        info = provider.find_model(model, all_providers=list(VENDOR.values()))
        for name in UNCOUNTED:
            usage.__dict__.pop(name, None)
        cost = info.calc_price(usage, provider, genai_request_timestamp=AT)
    except (ValueError, AttributeError):
        return None
    return cost.total_price * 1_000_000_000


def flavor_of(recording, vendor):
    """What the library calls this endpoint of this vendor."""
    flavor = FLAVORS.get(recording.endpoint)
    return flavor if flavor in {one.api_flavor for one in VENDOR[vendor].extractors or ()} else "default"


def card_of(recording, body, lists):
    """The vendor of a recording, and the card of its model."""
    vendor = VENDORS.get(recording.provider, recording.provider)
    model = body.get("model") or body.get("modelVersion")
    card = lists.card(vendor, model, None, AT)[0] if vendor in VENDOR and model else None
    return vendor, card


def streamed(recording, body):
    """The frames of a stream that reports the usage of a whole reply, in each way a vendor may."""

    def frame(said, event=None):
        return sse.frame(msgspec.json.encode(said), event)

    match recording.endpoint:
        case "chat_completions":
            chunk = {"object": "chat.completion.chunk", "model": body["model"], "usage": body["usage"]}
            delta = {"index": 0, "delta": {"content": "!"}, "finish_reason": "stop"}
            yield [frame(chunk | {"choices": []})]
            yield [frame(chunk | {"choices": [delta]})]
            yield [frame(chunk | {"choices": [delta]}), frame(chunk | {"choices": [], "usage": None})]
        case "messages":
            begun = {"type": "message_start", "message": body | {"content": []}}
            early = begun | {"message": begun["message"] | {"usage": body["usage"] | {"output_tokens": 1}}}
            ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": body["usage"]}
            yield [frame(early, "message_start"), frame(ended, "message_delta")]
        case "generateContent":
            yield [frame(body)]
        case "responses":
            ended = {"type": "response.completed", "sequence_number": 9, "response": body}
            yield [frame(ended, "response.completed")]


def test_every_recorded_usage_costs_what_the_library_says(dialects, lists):
    agreed = 0
    for recording in GOOD:
        usage, body = measured(recording, dialects)
        vendor, card = card_of(recording, body, lists)
        theirs = reckoned(vendor, flavor_of(recording, vendor), body) if card and usage else None
        if theirs is None or recording.name in UNCLEAR:
            continue
        assert card.rates("list").cost(usage) == pytest.approx(theirs, abs=Decimal("0.5")), recording.name
        agreed += 1
    assert agreed > 1000


def test_a_stream_costs_what_the_whole_reply_costs(dialects, lists):
    compared = 0
    for recording in GOOD:
        if recording.kind != "json" or recording.endpoint == "embeddings":
            continue
        usage, body = measured(recording, dialects)
        _, card = card_of(recording, body, lists)
        if usage is None or card is None:
            continue
        for frames in streamed(recording, body):
            reads = dialects[DIALECTS[recording.endpoint]].decoder("chat")
            folded = None
            for seen in map(reads.sniff, frames):
                folded = (folded.merged(seen.usage) if folded else seen.usage) if seen.usage else folded
            assert folded.buckets() == usage.buckets(), recording.name
            assert card.rates("list").cost(folded) == card.rates("list").cost(usage)
            compared += 1
    assert compared > 1000
