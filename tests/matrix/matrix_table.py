"""Writes into core/README.md what a caller of each dialect may ask of each provider.

`python tests/matrix/matrix_table.py` does it. Every cell is what happened: a real gateway was asked, and a real
upstream answered.
"""

from __future__ import annotations

import sys
from pathlib import Path

from asking import DIALECTS, ROWS
from cells import PROVIDERS, Cell, Stage
from mapping import TABLES

README = Path(__file__).parents[2] / "core" / "README.md"
BEGIN = "<!-- {}: written by tests/matrix/matrix_table.py -->"
END = "<!-- end of {} -->"


def tables(cells: dict[tuple[str, str, str], Cell]) -> str:
    """A table a dialect, as Markdown; rows a dialect has no words for are left out."""
    parts = []
    for dialect, title in DIALECTS.items():
        lines = [f"**{title}**", "", f"| | {' | '.join(PROVIDERS.values())} |", "|---" * (len(PROVIDERS) + 1) + "|"]
        for row, words in ROWS.items():
            said = [shown(cells[dialect, provider, row]) for provider in PROVIDERS]
            if set(said) != {"n/a"}:
                lines.append(f"| {words} | {' | '.join(said)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def shown(cell: Cell) -> str:
    """A cell as the table says it."""
    return str(cell).replace("|", r"\|")


def written(text: str) -> dict[tuple[str, str, str], str]:
    """The cells as they stand in the README. Rows that are not there are `n/a`."""
    found = {(dialect, provider, row): "n/a" for dialect in DIALECTS for provider in PROVIDERS for row in ROWS}
    titles = {f"**{title}**": dialect for dialect, title in DIALECTS.items()}
    rows = {words: row for row, words in ROWS.items()}
    dialect = ""
    for line in block(text, "matrix").splitlines():
        dialect = titles.get(line, dialect)
        words, *said = [one.strip() for one in line.strip("|").split(" | ")] if line.startswith("|") else [""]
        if words in rows:
            found |= {(dialect, p, rows[words]): one for p, one in zip(PROVIDERS, said, strict=True)}
    return found


def mapped(stage: Stage) -> str:
    """The tables of words."""
    return "\n\n".join(f"**{title}**\n\n{made(stage)}" for title, made in TABLES.items())


def block(text: str, name: str) -> str:
    """A generated block of the README. Raises ValueError when its marks are missing."""
    begin, end = BEGIN.format(name), END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"core/README.md must have {begin} and {end} once each")
    return text.partition(begin)[2].partition(end)[0].strip()


def main() -> int:
    """Run every cell and rewrite the README's blocks."""
    with Stage() as stage:
        cells = {(d, p, row): stage.cell(d, p, row) for d in DIALECTS for p in PROVIDERS for row in ROWS}
        made = {"matrix": tables(cells), "words": mapped(stage)}
    text = README.read_text()
    for name, body in made.items():
        block(text, name)
        head, begin, rest = text.partition(BEGIN.format(name))
        _, end, tail = rest.partition(END.format(name))
        text = f"{head}{begin}\n\n{body}\n\n{end}{tail}"
    README.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
