"""Screen 3: where the money goes."""

from __future__ import annotations

from ..model.spend import history
from ..views import spend as view
from ..views.page import Page
from .view import View


class Spend(View):
    """Budgets, costs over time, and who spends most."""

    NAME = "spend"

    def __init__(self) -> None:
        super().__init__()
        self.group = view.GROUPS[0]

    def questions(self) -> list[tuple[str, float]]:
        """Budgets, costs by the hour, by team and key, and those of the chosen budget."""
        asked = [("budgets", 5.0), (view.question(self.group), 5.0), (view.TOP, 5.0)]
        picked = view.pick(self.house.budgets(self.console.clock()), self.pane.chosen)
        if picked is not None and (name := history(picked)):
            asked.append((name, 10.0))
        return asked

    def page(self, room: int, height: int) -> Page:
        """Budgets, chart and spenders."""
        chosen = self.pane.chosen if self.is_mounted else ""
        return view.page(self.house, self.console.clock(), room, self.group, chosen)

    def do_group(self) -> None:
        """The next of model, team and key."""
        self.group = view.GROUPS[(view.GROUPS.index(self.group) + 1) % len(view.GROUPS)]
        self.console.link.hurry(view.question(self.group))
        self.show()
