"""Screen 2: how every target does; drain, resume and test it."""

from __future__ import annotations

from ..views import health as view
from ..views.page import Page
from .dialogs import Confirm
from .view import View


class Health(View):
    """A card a target."""

    NAME = "health"

    def questions(self) -> list[tuple[str, float]]:
        """Targets and breakers."""
        return [("targets", 2.0), ("breakers", 2.0)]

    def page(self, room: int, height: int) -> Page:
        """Cards and incidents."""
        return view.page(self.house, self.console.clock(), room)

    async def do_drain(self) -> None:
        """Ask, drain, and say so."""
        if not (target := self.pane.chosen):
            return
        follows = "No new request goes there until it is resumed; running ones end as usual."
        if await self.console.push_screen_wait(Confirm(f"Drain {target}?", follows, "drain it")):
            await self.order("targets/drain", {"target": target}, f"{target} is drained. r resumes it.")

    async def do_resume(self) -> None:
        """Harmless, so it is not asked."""
        if target := self.pane.chosen:
            await self.order("targets/resume", {"target": target}, f"{target} takes requests again.")

    async def do_test(self) -> None:
        """One small request, and what came of it."""
        if not (target := self.pane.chosen):
            return
        answer = await self.order("targets/test", {"target": target}, f"{target} was tested.")
        if isinstance(answer, dict) and answer:
            said = ", ".join(f"{name} {value}" for name, value in answer.items() if value not in (None, "", target))
            self.console.notify(said, title=f"Test of {target}", markup=False)
