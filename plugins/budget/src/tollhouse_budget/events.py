"""What budgets tell: typed events for the console, metrics and webhooks."""

from __future__ import annotations

from tollhouse.events import Event


class BudgetEvent(Event, frozen=True, kw_only=True):
    """What both say. Money is nano-USD; `spent` counts what is held for calls under way."""

    budget: str
    """The budget's name, as `tollhouse budgets` shows it."""
    scope: dict[str, str]
    """Whom it is for, by dimension; empty for the whole gateway."""
    percent: int
    """The threshold; for `budget.exhausted` how much is used."""
    spent: int
    limit: int
    period: str
    resets_at: int | None = None
    """Unix seconds; None for a budget that never starts again."""
    shadow: bool = False
    """Whether calls pass all the same."""


class BudgetThreshold(BudgetEvent, tag="budget.threshold", frozen=True, kw_only=True):
    """A budget's use reached one of its thresholds."""


class BudgetExhausted(BudgetEvent, tag="budget.exhausted", frozen=True, kw_only=True):
    """A budget is used up, or too little is left of it for a usual call."""
