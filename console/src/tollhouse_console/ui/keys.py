"""Screen 4: who may call, what is used of their limits, and who waits; make, rotate and revoke keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..views import keys as view
from ..views.page import Page
from .dialogs import Confirm, Form, Secret
from .view import View

FIELDS = (
    ("name", "name", "web-frontend"),
    ("team", "team", "one of [teams], or empty"),
    ("user", "user", "who uses it, or empty"),
    ("models", "models", "a,b or empty for all"),
    ("days", "days", "ends after so many days, or empty"),
    ("role", "role", "member (or empty), viewer, operator, admin"),
)


class Keys(View):
    """Keys, limits and lines."""

    NAME = "keys"

    def questions(self) -> list[tuple[str, float]]:
        """Keys seldom, limits and lines often."""
        return [("keys", 5.0), ("limits", 2.0), ("queue", 1.0)]

    def page(self, room: int, height: int) -> Page:
        """Keys, limits and lines."""
        return view.page(self.house, room)

    async def do_create(self) -> None:
        """A form, then the secret, once."""
        if (said := await self.console.push_screen_wait(Form("Make a key", FIELDS, "make it"))) is None:
            return
        body: dict[str, object] = {name: said[name] for name in ("name", "team", "user", "role") if said[name]}
        if said["models"]:
            body["models"] = [model.strip() for model in said["models"].split(",") if model.strip()]
        if said["days"]:
            try:
                ends = datetime.fromtimestamp(self.console.clock(), UTC) + timedelta(days=float(said["days"]))
            except (ValueError, OverflowError):
                self.console.notify(f"days is a number, not {said['days']}", severity="error", markup=False)
                return
            body["expires"] = ends.isoformat(timespec="seconds").replace("+00:00", "Z")
        await self._made("keys", body, said["name"], f"The key {said['name']} is made.")

    async def do_rotate(self) -> None:
        """Ask, then the new secret, once."""
        if not (name := self.pane.chosen):
            return
        follows = "It gets a new secret; the old one works on for 24 hours."
        if await self.console.push_screen_wait(Confirm(f"Rotate the key {name}?", follows, "rotate it")):
            await self._made(f"keys/{name}/rotate", {"grace": "24h"}, name, f"The key {name} has a new secret.")

    async def do_revoke(self) -> None:
        """Ask, end it, and say so."""
        if not (name := self.pane.chosen):
            return
        follows = "Whoever uses it is refused from now on. This cannot be undone."
        if await self.console.push_screen_wait(Confirm(f"Revoke the key {name}?", follows, "revoke it")):
            await self.order(f"keys/{name}/revoke", None, f"The key {name} is revoked.")

    async def _made(self, path: str, body: dict[str, object], name: str, done: str) -> None:
        answer = await self.order(path, body, done)
        if isinstance(answer, dict):
            found = answer.get("secret") or (answer.get("key") or {}).get("secret", "")
            if found:
                await self.console.push_screen_wait(Secret(name, str(found)))
