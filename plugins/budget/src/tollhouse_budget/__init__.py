"""Budgets for Tollhouse: money held before a call at its worst case, and settled after it to what it cost."""

from .events import BudgetExhausted, BudgetThreshold
from .plugin import Budget
from .settings import BudgetSettings, Rule

__all__ = ["Budget", "BudgetExhausted", "BudgetSettings", "BudgetThreshold", "Rule"]
