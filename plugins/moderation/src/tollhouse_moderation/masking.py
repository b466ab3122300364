"""Masking a text: every finding becomes a placeholder, until there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .vault import PLACEHOLDER, Vault

Span = tuple[int, int, str]
"""Start, end and kind."""

Find = Callable[[str], Sequence[Span]]

ROUNDS = 8
"""Times a masked text is looked at again: what stands beside a placeholder may only now be a finding."""


class Unmaskable(Exception):
    """A text in which masking finds no end."""


def merged(spans: Sequence[Span]) -> list[Span]:
    """Spans that overlap, as one: it is of the longest one's kind."""
    out: list[Span] = []
    longest = 0
    for start, end, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if out and start < out[-1][1]:
            first, last, known = out[-1]
            if end - start > longest:
                longest, known = end - start, kind
            out[-1] = (first, max(last, end), known)
        else:
            longest = end - start
            out.append((start, end, kind))
    return out


def mask(text: str, find: Find, vault: Vault) -> str:
    """The text without any finding; `vault.restore` gives it back, if the vault had reserved it. A finding within a
    placeholder is none. Raises `Unmaskable`."""
    for _ in range(ROUNDS):
        spans = _apart(text, find(text), vault)
        if not spans:
            return text
        pieces, at = [], 0
        for start, end, kind in spans:
            pieces += [text[at:start], vault.placeholder(kind, vault.restore(text[start:end]))]
            at = end
        text = "".join([*pieces, text[at:]])
    raise Unmaskable


def _apart(text: str, spans: Sequence[Span], vault: Vault) -> list[Span]:
    """The spans that are not within a placeholder, stretched over those they cut."""
    if not spans:
        return []
    ours = [(one.start(), one.end()) for one in PLACEHOLDER.finditer(text) if one[0] in vault.values]
    kept = []
    for start, end, kind in spans:
        if any(first <= start and end <= last for first, last in ours):
            continue
        for first, last in ours:
            if start < last and first < end:
                start, end = min(start, first), max(end, last)
        kept.append((start, end, kind))
    return merged(kept)
