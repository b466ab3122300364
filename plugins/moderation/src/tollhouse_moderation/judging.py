"""Judging wholes: each judge asked, its word noted, and what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .contract import Finding, Judge, Subject
from .policy import Active
from .refusals import Blocked, NotRun
from .verdicts import Verdicts

Judging = Sequence[tuple[Active, Judge]]

SECONDS = 25.0
"""How long a judge may take; less than what the hook `admit` allows."""


async def judge_input(judges: Judging, verdicts: Verdicts, texts: Sequence[tuple[str, str]]) -> None:
    """Ask the judges about the input: `texts` are its texts with whose words they are. Raises `Blocked` and `NotRun`,
    after all were asked."""
    own = "\n".join(text for role, text in texts if role not in ("system", "developer", "assistant"))
    await _ask(judges, verdicts, Subject(own, "input", verdicts.exchange), "input")


async def judge_output(judges: Judging, verdicts: Verdicts, text: str, place: str, *, calls: bool) -> None:
    """Ask the judges about one choice of a reply. One that says nothing but calls tools is not judged."""
    if calls and not text:
        return
    await _ask(judges, verdicts, Subject(text, "output", verdicts.exchange), place)


async def _ask(judges: Judging, verdicts: Verdicts, subject: Subject, place: str) -> None:
    answers = await asyncio.gather(*(_one(judge, subject) for _, judge in judges))
    failing: Blocked | NotRun | None = None
    for (rule, _), answer in zip(judges, answers, strict=True):
        if isinstance(answer, Exception):
            verdicts.not_run(rule, subject.direction, f"it failed: {type(answer).__name__}")
            if rule.enforces and rule.rule.mode == "closed" and failing is None:
                failing = NotRun(rule)
            continue
        verdicts.of(rule, subject.direction)
        for finding in rule.counts(answer):
            verdicts.found(rule, subject.direction, place, finding, subject.text)
            if rule.action == "block" and not isinstance(failing, Blocked):
                failing = Blocked(rule, subject.text)
    if failing is not None:
        raise failing


async def _one(judge: Judge, subject: Subject) -> Sequence[Finding] | Exception:
    try:
        async with asyncio.timeout(SECONDS):
            return await judge.judge(subject)
    except Exception as error:
        return error
