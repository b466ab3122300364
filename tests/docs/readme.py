"""Reading a README: its sections, its code blocks, and the words it sets in code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "README.md"
READMES = sorted(
    [ROOT / "README.md", *ROOT.glob("*/README.md"), *ROOT.glob("plugins/*/README.md")],
)
"""Every README of the project."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_CODE = re.compile(r"(`+)(.+?)\1")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `line` is where its text begins."""

    file: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    @property
    def name(self) -> str:
        """The file the block says it is, in a comment on its first line; empty when it says nothing."""
        found = re.match(r"# (\S+[.]\w+)(?:\s|$)", self.text)
        return found[1] if found else ""


def blocks(file: Path, language: str = "") -> list[Block]:
    """The fenced blocks of a file, of one language or all."""
    text = file.read_text()
    return [
        Block(file, text.count("\n", 0, found.start()) + 2, found[1], found[2])
        for found in _FENCE.finditer(text)
        if language in ("", found[1])
    ]


def named(file: Path, name: str) -> str:
    """The text of the one block that says it is the file `name`."""
    [text] = [block.text for block in blocks(file) if block.name == name]
    return text


def sections(file: Path) -> dict[str, str]:
    """What stands below each heading of the second level, by its title."""
    text = _blank_fences(file.read_text())
    whole = file.read_text()
    titles = [found for found in _TITLE.finditer(text) if len(found[1]) == 2]
    ends = [found.start() for found in titles[1:]] + [len(whole)]
    return {found[2]: whole[found.end() : end] for found, end in zip(titles, ends, strict=True)}


def words(text: str) -> set[str]:
    """Everything set in code, fenced blocks left out."""
    return {found[2].strip() for found in _CODE.finditer(_blank_fences(text))}


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)]
    return [[cell.strip() for cell in re.split(r"(?<!\\)[|]", line)[1:-1]] for line in lines]


def _blank_fences(text: str) -> str:
    """The text with fenced blocks overwritten by blanks, so that positions stay."""
    return _FENCE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
