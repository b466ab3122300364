"""The text Prometheus reads: the exposition format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .families import FAMILIES
from .family import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str, ...]
Series = tuple[str, Labels, list[float]]


def joined(pages: Iterable[tuple[bool, Iterable[Series]]]) -> dict[str, dict[Labels, list[float]]]:
    """The series of several pages, each with whether its worker lives, as one set by family."""
    whole: dict[str, dict[Labels, list[float]]] = {}
    for alive, page in pages:
        for name, labels, values in page:
            family = FAMILIES[name]
            if not alive and family.kind == "gauge":
                continue
            known = whole.setdefault(name, {}).get(labels)
            whole[name][labels] = (
                values if known is None else [_join(family, *two) for two in zip(known, values, strict=True)]
            )
    return whole


def _join(family: Family, one: float, other: float) -> float:
    if family.join == "sum":
        return one + other
    if family.join == "latest":
        return max(one, other, key=abs)
    return max(one, other) if family.join == "max" else min(one, other)


def text(whole: Mapping[str, Mapping[Labels, list[float]]]) -> bytes:
    """The page, families in their order."""
    lines: list[str] = []
    for name, family in FAMILIES.items():
        if series := whole.get(name):
            lines += (f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}")
            for labels, values in series.items():
                lines += _samples(family, labels, values)
    return ("\n".join(lines) + "\n").encode()


def _samples(family: Family, labels: Labels, values: list[float]) -> Iterator[str]:
    said = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(family.labels, labels, strict=True))
    if family.kind != "histogram":
        value = values[0]
        if family.join == "latest":
            value = float(value >= 0)
        yield f"{family.name}{{{said}}} {_number(value)}" if said else f"{family.name} {_number(value)}"
        return
    count, before = 0.0, said + "," if said else ""
    for bound, value in zip((*map(_number, family.bounds), "+Inf"), values[:-1], strict=True):
        count += value
        yield f'{family.name}_bucket{{{before}le="{bound}"}} {_number(count)}'
    braces = f"{{{said}}}" if said else ""
    yield f"{family.name}_sum{braces} {_number(values[-1])}"
    yield f"{family.name}_count{braces} {_number(count)}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
