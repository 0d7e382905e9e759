"""Points: carrying out single orders for the operator."""

from __future__ import annotations

from remora.errors import Refusal
from remora.ledger.commands import Command
from remora.service.desk import carry_out
from remora.service.installation import Installation
from remora.service.orders import Done, Job, Order, Who, check


def order(
    installation: Installation,
    bot_id: str,
    client_id: str,
    command: Command,
    key: str | None = None,
    *,
    about: str | None = None,
    dry_run: bool = False,
) -> Done:
    """Carry out one order; when it returns, it is on disk. Its refusal is raised.

    With a `key` the first answer, refusals included, is given again to the same order, and KeyReused to
    another one. `about` is whose entry or hold the command names, if its id says so.
    """
    wanted = check(Order(Who(client_id), command, key, about))
    [result] = carry_out(installation, bot_id, [Job((wanted,), dry_run=dry_run)])
    if isinstance(result, Refusal):
        raise result
    return result[0].done()
