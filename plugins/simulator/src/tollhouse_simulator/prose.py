"""Prose: seeded text of any length, already split into tokens."""

from __future__ import annotations

from random import Random

_WORDS = """
toll road bridge gate keeper lantern river valley winter wagon horse coin ledger market village letter rider
merchant harbor stone tower garden field forest meadow morning evening summer silver copper amber quiet
narrow early distant gentle honest patient careful steady bright golden ancient simple curious weary
cheerful slowly softly often always rarely gladly nearby onward carried counted opened closed waited walked
crossed followed answered gathered traded mended painted wrote sang watched listened reached passed turned
kept found
""".split()  # noqa: SIM905  # ninety words read better as a paragraph


def words(random: Random, count: int) -> list[str]:
    """So many words."""
    return random.choices(_WORDS, k=count)


def _sentence(random: Random) -> list[str]:
    first, *rest = words(random, random.randint(5, 12))
    pieces = [" " + first.capitalize(), *(" " + word for word in rest)]
    if len(pieces) > 8:
        pieces.insert(random.randint(3, 5), ",")
    return [*pieces, "."]


_SENTENCES = [_sentence(Random(number)) for number in range(256)]  # noqa: S311  # the same in every process


def lorem(random: Random, tokens: int) -> list[str]:
    """Prose of exactly so many tokens, already split; it ends with a full stop."""
    pieces: list[str] = []
    while len(pieces) < tokens:
        for sentence in random.choices(_SENTENCES, k=tokens // 10 + 1):
            pieces += sentence
    del pieces[tokens:]
    pieces[0] = pieces[0].lstrip()
    pieces[-1] = "."
    return pieces
