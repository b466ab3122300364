"""Every recorded reply, to callers of every dialect: the SDK at the gateway reads what the provider's own reads."""

import pytest
from asking import DIALECTS
from cells import FINISHES, Stage
from replaying import ALL, DIALECT, end, straight, through

GOOD = [
    r
    for r in ALL
    if r.status == 200 and not (r.endpoint == "streamGenerateContent" and r.kind == "json")  # not asked for by an SDK
]
FEW = sorted({(r.endpoint, r.provider, r.kind): r for r in GOOD}.values(), key=lambda r: r.name)
"""One of each kind."""

pytestmark = pytest.mark.skipif(not GOOD, reason="no recordings: TOLLHOUSE_RECORDINGS may name the folder of `corpus`")


@pytest.fixture(scope="module")
def stage():
    with Stage() as made:
        yield made


def callers(own, heard):
    """The dialects that can ask a provider of this dialect, and read such a reply."""
    for dialect in DIALECTS:
        if dialect == own:
            yield dialect
        elif own == "openai_completions" or (own == "openai_responses" and dialect.startswith("openai")):
            continue  # asked for in their own dialect only
        elif dialect != "openai_completions" or not heard.calls:  # which have no calls
            yield dialect


def compare(stage, recording, turn=None):
    """Fails where an SDK reads anything else; gives how many callers were compared: all, or the provider's own and
    two others by turns."""
    own = DIALECT[recording.endpoint]
    plain = straight(recording)
    if plain is None or plain.error is not None:
        return 0
    count = 0
    asked = list(callers(own, plain))
    if turn is not None:
        others = [dialect for dialect in asked if dialect != own] * 2
        asked = [own, *others[(at := turn % max(1, len(others) // 2)) : at + 2]]
    for dialect in dict.fromkeys(asked):
        heard = through(stage, recording, dialect)
        where = f"{recording.name} to {dialect}"
        assert heard.error is None, where
        assert heard.meaning == plain.meaning, where
        if dialect == own:
            assert (heard.finish, heard.choices, heard.thoughts) == (plain.finish, plain.choices, plain.thoughts), where
        elif (reason := end(plain, own)) in FINISHES[dialect]:
            assert heard.finish == FINISHES[dialect][reason] or end(heard, dialect) == reason, where
        if dialect != own and dialect != "openai_completions" and own != "openai":
            assert heard.thoughts.replace("\n", "") == plain.thoughts.replace("\n", ""), where
        count += 1
    return count


@pytest.mark.parametrize("recording", FEW, ids=lambda r: r.name)
def test_a_recording_reads_the_same_at_every_caller(stage, recording):
    compare(stage, recording)


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", DIALECT)
@pytest.mark.filterwarnings("ignore")
def test_every_recording_reads_the_same_at_its_own_callers_and_others_by_turns(stage, endpoint):
    asked = [r for r in GOOD if r.endpoint == endpoint]
    compared = [r for turn, r in enumerate(asked) if compare(stage, r, turn)]
    assert len(compared) > 0.9 * len(asked), "the SDKs read nearly all of them"
