"""`tollhouse moderate`: what it reads, what it counts, and what it prints."""

import gzip
import json

import msgspec
import pytest
from tollhouse.cli import main

ROWS = [
    {"prompt": "mail a@b.co", "bad": 1, "worse": 1},
    {"prompt": "mail nobody", "bad": 1, "worse": None},
    {"prompt": "10.20.30.40", "bad": 0, "worse": 0},
    {"prompt": "nothing", "bad": 0, "worse": 0},
]


def printed(capsys, *words):
    assert main(["moderate", *map(str, words), "--json"]) == 0
    return [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]


def written(folder, kind):
    file = folder / f"rows.{kind}"
    if kind == "jsonl":
        file.write_text("\n".join(map(json.dumps, ROWS)))
    elif kind == "jsonl.gz":
        file.write_bytes(gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    elif kind == "json":
        file.write_text(json.dumps(ROWS))
    else:
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(str(one["prompt" if n == 0 else "bad"]) for n in (0, 1)) for one in ROWS]
        file.write_text("\n".join([mark.join(["prompt", "bad"]), *lines]))
    return file


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "json", "csv", "tsv"])
def test_precision_and_recall_are_counted_by_the_label(kind, tmp_path, capsys):
    [score] = printed(capsys, written(tmp_path, kind), "--rules", "pii", "--labels", "bad")
    assert score == {
        "rule": "pii", "label": "bad", "texts": 4, "positive": 2, "right": 1, "wrong": 1, "missed": 1,
        "precision": 0.5, "recall": 0.5, "f1": 0.5,
    }  # fmt: skip


def test_a_missing_label_leaves_a_text_out_of_that_label(tmp_path, capsys):
    scores = printed(capsys, written(tmp_path, "jsonl"), "--rules", "pii", "--labels", "bad", "--labels", "worse")
    assert [(one["label"], one["texts"], one["recall"]) for one in scores] == [("bad", 4, 0.5), ("worse", 3, 1.0)]


def test_without_labels_all_is_to_be_found_but_what_stands_in_the_files_without(tmp_path, capsys):
    (tmp_path / "bad.json").write_text(json.dumps({"kind one": ["mail a@b.co"], "kind two": ["mail me"]}))
    (tmp_path / "good.jsonl").write_text('{"text": "c@d.co"}\n{"text": "hi"}')
    [score] = printed(capsys, tmp_path / "bad.json", "--rules", "pii", "--without", tmp_path / "good.jsonl")
    assert (score["texts"], score["positive"], score["right"], score["wrong"]) == (4, 2, 1, 1)


def test_marked_spans_are_compared_by_their_kind(tmp_path, capsys):
    text = "a@b.co and 10.20.30.40 and 4111 1111 1111 1111"
    spans = [
        {"entity_type": "MAIL", "start_position": 0, "end_position": 6},
        {"entity_type": "MAIL", "start_position": 11, "end_position": 22},
        {"entity_type": "PERSON", "start_position": 27, "end_position": 46},
    ]
    (tmp_path / "a.json").write_text(json.dumps([{"full_text": text, "spans": spans}]))
    words = (tmp_path / "a.json", "--rules", "pii", "--spans", "spans", "--kinds", "MAIL=EMAIL,CC=CARD")
    mail, card = printed(capsys, *words)
    assert (mail["positive"], mail["right"], mail["missed"], mail["wrong"]) == (2, 1, 1, 0)
    assert (card["positive"], card["wrong"], card["recall"]) == (0, 1, None)


LIST = '''
[[rules]]
id = "acme"
regex = """(?i)\\\\bacme[-_]([a-z0-9]{24})\\\\b"""
keywords = ["acme"]
entropy = 2.5
[[rules]]
id = "only-a-path"
path = "x"
'''


def test_a_list_of_gitleaks_is_a_rules_file_and_measured_by_made_up_texts(tmp_path, capsys):
    file = tmp_path / "list.toml"
    file.write_text(LIST)
    with_list = f'{{ check = "secrets", name = "listed", file = "{file}" }}'
    plain, listed = printed(capsys, file, "--rules", "secrets", "--rules", with_list)
    assert (plain["recall"], listed["recall"]) == (0.0, 1.0)


def test_people_get_a_table(tmp_path, capsys):
    assert main(["moderate", str(written(tmp_path, "jsonl")), "--rules", "pii", "--labels", "bad"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["rule", "label", "texts", "to", "find", "found", "wrongly", "precision", "recall", "F1"]
    assert row.split() == ["pii", "bad", "4", "2", "1", "1", "0.50", "0.50", "0.50"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rules", "pi"], 'there is no check "pi"'),
        (["--rules", "{ check ="], "is no table"),
        (["--text", "nope"], "no text in the column nope"),
        (["--spans", "spans"], "marked spans need --kinds"),
    ],
)
def test_what_it_cannot_do_it_says(words, message, tmp_path, capsys):
    assert main(["moderate", str(written(tmp_path, "jsonl")), *words]) != 0
    assert message in capsys.readouterr().err


def test_a_file_that_is_none_is_named(tmp_path, capsys):
    assert main(["moderate", str(tmp_path / "none.jsonl")]) != 0
    assert "none.jsonl" in capsys.readouterr().err
