"""Screen 5: plugins, what their hooks cost, and the configuration; check and reload it."""

from __future__ import annotations

from .. import figures
from ..client import Trouble
from ..views import plugins as view
from ..views.page import Page
from .dialogs import Confirm
from .view import View


class Plugins(View):
    """Plugins, hooks, configuration and audit."""

    NAME = "plugins"

    def questions(self) -> list[tuple[str, float]]:
        """All of them slowly; hooks count."""
        return [("plugins", 2.0), ("config", 5.0), ("config/diff", 5.0), ("audit?limit=20", 5.0)]

    def page(self, room: int, height: int) -> Page:
        """Everything below one another."""
        return view.page(self.house, room)

    async def do_check(self) -> None:
        """What a reload would change, or why it would be refused."""
        await self.console.link.ask("config/diff")
        answer = self.house.answer("config/diff")
        if answer.word == "failed":
            self.console.notify(answer.trouble, title="The file cannot be loaded", severity="error", markup=False)
            return
        changed = self.house.items("config/diff", "changed")
        many = (
            f"The file differs in {figures.many(len(changed), 'setting')}; L loads them."
            if changed
            else "The file says what serves."
        )
        self.console.notify(many, title="The file is fine", markup=False)

    async def do_reload(self) -> None:
        """Ask with what would change, reload, and say which edition serves."""
        await self.console.link.ask("config/diff")
        changed = self.house.items("config/diff", "changed")
        paths = ", ".join(str(one.get("path")) for one in changed[:6]) or "nothing that differs"
        follows = f"It changes {paths}. Running requests end under the old one."
        if not await self.console.push_screen_wait(Confirm("Load the configuration file?", follows, "load it")):
            return
        try:
            answer = await self.console.client.post("config/reload")
        except Trouble as trouble:
            self.console.notify(str(trouble), title="The file was refused; the old one serves on", severity="error",
                                timeout=12, markup=False)  # fmt: skip
            return
        self.console.notify(f"Edition {answer.get('edition', '')} serves.", markup=False)
        self.console.link.hurry()
