"""On which line a setting stands."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st
from tollhouse.config.lines import line_numbers

TEXT = '''# a comment with [brackets] = 1
plugins = [
  "a",  # ] not the end
  "b",
]
a.b = 1
text = """
[server]
listen = 1
"""
raw = \'\'\'
"""
\'\'\'

[server] # comment
"list.en" = "x # y"
inline = { deep = { er = 1 } }

[models."gpt-4.1"]
targets = [
  { target = "x" },
]
[[rows]]
a = 1
[[rows]]
a = 2
[rows.sub]
b = 3
'''


def test_every_setting_has_the_line_of_its_statement() -> None:
    lines = line_numbers(TEXT, tomllib.loads(TEXT))
    expected = {
        "plugins": 2,
        "plugins[1]": 2,
        "a": 1,
        "a.b": 6,
        "text": 7,
        "raw": 11,
        "server": 15,
        'server."list.en"': 16,
        "server.inline.deep.er": 17,
        'models."gpt-4.1"': 19,
        'models."gpt-4.1".targets': 20,
        'models."gpt-4.1".targets[0].target': 20,
        "rows[0].a": 24,
        "rows[1].a": 26,
        "rows[1].sub": 27,
        "rows[1].sub.b": 28,
    }
    assert {path: lines[path] for path in expected} == expected


KEYS = st.text(alphabet="ab\".'#[]=\n", min_size=1, max_size=4)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.text(alphabet='a"[]#\n{}=', max_size=8), max_size=3), max_size=4))
def test_any_names_and_texts_keep_their_lines(tree: dict[str, dict[str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    rows, expected = [], []
    for table, values in tree.items():
        rows.append(f"[{quoted(table)}]")
        expected.append(len(rows))
        for key, value in values.items():
            rows.append(f"{quoted(key)} = {quoted(value)}")
            expected.append(len(rows))
    assert list(line_numbers("\n".join(rows), tree).values()) == expected
