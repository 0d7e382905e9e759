"""What a signed-in operator may do. Every verb of the console takes an Authority, and asks it first.

A bot that is not theirs is to an operator as one that is not there.
"""

from __future__ import annotations

from msgspec import Struct

from remora.errors import NoSuchBot, NotAllowed
from remora.model import Role
from remora.service import fields


class Authority(Struct, frozen=True):
    """An operator in their role. `bots` are those they work for; an admin works for all."""

    operator: str
    role: Role
    bots: frozenset[str] = frozenset()

    def may_read(self, bot_id: str) -> bool:
        return self.role is Role.ADMIN or bot_id in self.bots

    def may_change(self, bot_id: str) -> bool:
        """Whether they may change points of the bot's clients."""
        return self.role in (Role.ADMIN, Role.STAFF) and self.may_read(bot_id)

    def may_administer(self) -> bool:
        """Whether they may handle credentials, and see what is of no bot."""
        return self.role is Role.ADMIN

    def reads(self, bot_id: str) -> None:
        """Raise NoSuchBot unless they may; what cannot be a bot's id is none."""
        if not self.may_read(bot_id) or not fields.IDENTIFIER.fullmatch(bot_id):
            raise NoSuchBot(f"there is no bot {bot_id}")

    def changes(self, bot_id: str) -> None:
        """Raise NoSuchBot or NotAllowed unless they may."""
        self.reads(bot_id)
        if not self.may_change(bot_id):
            raise NotAllowed(f"the role {self.role} may not change points")

    def administers(self) -> None:
        """Raise NotAllowed unless they may."""
        if not self.may_administer():
            raise NotAllowed(f"the role {self.role} may not do this; an admin may")
