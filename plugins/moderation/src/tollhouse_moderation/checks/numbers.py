"""Numbers with check digits: payment cards, bank accounts and national identity numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from stdnum import iban, luhn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

from ..contract import Finding

_RUN = re.compile(r"(?<![0-9])[0-9]+(?:[ -][0-9]+){0,7}(?![0-9])")
_GROUP = re.compile(r"[0-9]+")
_CARD = re.compile(r"(?:4|5[1-5]|2[2-7]|3[0-9]|6[0-9]|1800|2131)")
_ACCOUNT = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11,30}")

_SURE, _LIKELY, _WEAK = 0.9, 0.6, 0.4
"""Scores: a shape of its own and a check digit; a common shape and a good check; a common shape and one digit."""

_IDENTITIES: tuple[tuple[str, Callable[[str], bool], float], ...] = (
    (r"[0-9]{3}-[0-9]{2}-[0-9]{4}", ssn.is_valid, _SURE),
    (r"[0-9]{3}-[0-9]{2}-[0-9]{4}", lambda one: one[0] != "0" and "-00-" not in one, _LIKELY),
    (r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]", lambda one: True, _LIKELY),
    (r"[0-9]{3} ?[0-9]{3} ?[0-9]{4}", nhs.is_valid, _WEAK),
    (r"[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]", codicefiscale.is_valid, _SURE),
    (r"[0-9]{8}-?[A-Z]", dni.is_valid, _SURE),
    (r"[XYZ]-?[0-9]{7}-?[A-Z]", nie.is_valid, _SURE),
    (r"[12] ?[0-9]{2} ?[0-9]{2} ?[0-9AB]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", nir.is_valid, _SURE),
    (r"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", idnr.is_valid, _LIKELY),
    (r"[0-9]{6}[-+A][0-9]{3}[0-9A-Z]", hetu.is_valid, _SURE),
    (r"(?:[0-9]{2})?[0-9]{6}[-+][0-9]{4}", personnummer.is_valid, _SURE),
    (r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", ahv.is_valid, _SURE),
    (r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", nn.is_valid, _SURE),
    (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", cpf.is_valid, _SURE),
    (r"[0-9]{11}", cpf.is_valid, _WEAK),
    (r"[0-9]{11}", pesel.is_valid, _LIKELY),
    (r"[2-9][0-9]{3} ?[0-9]{4} ?[0-9]{4}", aadhaar.is_valid, _LIKELY),
    (r"[0-9]{9}", bsn.is_valid, _WEAK),
)
_SHAPES = tuple(
    (re.compile(rf"(?<![A-Za-z0-9]){shape}(?![A-Za-z0-9])"), valid, score) for shape, valid, score in _IDENTITIES
)


def cards(text: str) -> Iterator[Finding]:
    """12 to 19 digits that Luhn's formula accepts, in groups or not; surest when they begin as an issuer's do."""
    for run in _RUN.finditer(text):
        groups = [(run.start() + one.start(), run.start() + one.end()) for one in _GROUP.finditer(run[0])]
        for first, (start, _) in enumerate(groups):
            for _, end in groups[first:]:
                digits = "".join(c for c in text[start:end] if c.isdigit())
                if len(digits) > 19:
                    break
                if len(digits) >= 12 and len(set(digits)) > 1 and luhn.is_valid(digits):
                    yield Finding(start, end, "CARD", _SURE if _CARD.match(digits) else _LIKELY)


def accounts(text: str) -> Iterator[Finding]:
    """IBANs, in groups or not."""
    for one in _ACCOUNT.finditer(text):
        ends = [n + 1 for n, character in enumerate(one[0]) if character != " "][14:34]
        for end in reversed(ends):
            after = text[one.start() + end : one.start() + end + 1]
            if not after.isalnum() and iban.is_valid(one[0][:end]):
                yield Finding(one.start(), one.start() + end, "IBAN", _SURE)
                break


def identities(text: str) -> Iterator[Finding]:
    """National numbers of seventeen kinds."""
    for shape, valid, score in _SHAPES:
        for one in shape.finditer(text):
            if valid(one[0]):
                yield Finding(one.start(), one.end(), "ID", score)
