"""Telephone numbers, by the rules of the country they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

from ..contract import Finding

_NORTH_AMERICA = re.compile(r"(?<![\w.-])(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}(?![\w-])")
_SAID = re.compile(
    r"(?i)\b(?:phone|call|tel(?:ephone)?|mobile|cell|fax|dial|whatsapp|ring|reach (?:me|him|her|us))\b"
    r"[^\d\n]{0,24}(?<!\d)(\(?\d[\d ().-]{5,16}\d)(?![\w-])"
)
_SURE, _LIKELY, _PERHAPS = 0.8, 0.6, 0.55
"""Scores: with a country code; by the shape of one region; by what is said before it."""

_TRIES = 100
"""Candidates of one text that are looked at closely."""


def phones(text: str, region: str) -> Iterator[Finding]:
    """Numbers with a country code, those of `region` without one, and those that are written as in North America."""
    for country in dict.fromkeys(("", region)):
        if country or "+" in text:
            matcher = PhoneNumberMatcher(text, country or None, leniency=Leniency.VALID, max_tries=_TRIES)
            for one in matcher:
                yield Finding(one.start, one.end, "PHONE", _LIKELY if country else _SURE)
    for found in _SAID.finditer(text):
        if 7 <= sum(character.isdigit() for character in found[1]) <= 13:
            yield Finding(found.start(1), found.end(1), "PHONE", _PERHAPS)
    for found in _NORTH_AMERICA.finditer(text):
        try:
            number = phonenumbers.parse(found[0], "US")
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number):
            yield Finding(found.start(), found.end(), "PHONE", _LIKELY)
