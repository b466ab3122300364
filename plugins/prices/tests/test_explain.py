"""`tollhouse price explain`: every layer, the winner of each kind of token, and an example that adds up."""

import pytest
from tollhouse import cli

TERMS = """
[models]
smart = ["anthropic/claude-sonnet-4-5", "proxy/gpt-4o"]
[prices.targets]
"anthropic/*" = { discount = "10%" }
"home/*" = { free = true }
"home/paid" = { input = 1, output = 2, usd_per_request = 0.001, max_output = 100 }
"""


@pytest.fixture
def explain(tmp_path, monkeypatch, capsys, providers):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text(providers + TERMS)

    def ask(*words):
        code = cli.main(["price", "explain", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return ask


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_model_shows_all_its_targets_with_layers_and_winners(explain):
    code, out, _ = explain("smart", "--tokens", "input=150k,cache_read=60k,output=2k")
    said = lines(out)
    assert code == 0
    assert said[0] == "smart goes to anthropic/claude-sonnet-4-5, proxy/gpt-4o."
    assert '2. prices.targets."anthropic/*"' in said
    assert "10% off all of the above" in said
    assert "input 2.7 5.4 layer 1, reduced by layer 2" in said
    assert "reasoning 13.5 20.25 as output" in said
    assert "input 150,000 x 5.4 0.810000000" in said
    assert "cost 0.882900000" in said
    assert "1. nobody's price list is known for llm.example" in said
    assert "No price: its calls are booked as unpriced. Say what it costs, or that it is free:" in said


def test_an_own_price_says_so(explain):
    _, out, _ = explain("home/paid")
    said = lines(out)
    assert "output 2 layer 3" in said
    assert "and 0.001 USD per request, from layer 3" in said
    assert "at most 100 output tokens" in said
    assert "cost 0.004000000" in said


@pytest.mark.parametrize(
    ("model", "why"), [("smrt", 'Did you mean "smart"'), ("acme/large", "neither a model nor provider/model")]
)
def test_an_unknown_model_is_one_sentence(explain, model, why):
    code, _, err = explain(model)
    assert code == 1
    assert why in err


@pytest.mark.parametrize(
    ("tokens", "why"),
    [
        ("words=5", 'there are no tokens "words"'),
        ("input=lots", "wants a number of tokens"),
        ("input=-1", "wants a number of tokens"),
        ("input=", "wants a number of tokens"),
    ],
)
def test_tokens_that_cannot_be_read_are_bad_usage(explain, capsys, tokens, why):
    with pytest.raises(SystemExit) as ended:
        explain("smart", "--tokens", tokens)
    assert ended.value.code == 2
    assert why in capsys.readouterr().err


def test_without_the_plugin_it_says_what_to_add(explain, tmp_path):
    (tmp_path / "gateway.toml").write_text('plugins = ["openai"]\n[providers]\nsimulator = {}\n')
    code, _, err = explain("simulator/echo")
    assert code == 1
    assert 'Add "prices" to plugins' in err
