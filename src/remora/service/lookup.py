"""Looking points up: who asks, and what each client can spend, for all questions that wait together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from remora.errors import NoClientFound
from remora.ledger.balance import available_at
from remora.model import Balance, Platform
from remora.service import access
from remora.service.installation import Installation
from remora.storage import accounts
from remora.storage import balances as stored_balances
from remora.storage.balances import Stored
from remora.storage.bots import Caller
from remora.storage.database import Query, Row, Transaction

NOBODY: tuple[str, ...] = ()
NOTHING: tuple[Row, ...] = ()


class Wanted(Struct, frozen=True):
    """Whose points are asked for: clients by their encoded ids, by one platform's ids, or both."""

    client_ids: Sequence[str] = NOBODY
    platform: Platform | None = None
    platform_client_ids: Sequence[str] = NOBODY

    def __len__(self) -> int:
        return len(self.client_ids) + len(self.platform_client_ids)


class Question(Struct, frozen=True):
    """Who asks, by the id of the token that was shown, and what."""

    token_id: str
    wanted: Wanted = Wanted()

    def __len__(self) -> int:
        return 1 + len(self.wanted)


class Sought(NamedTuple):
    """All that questions ask, each id once: who they are, clients by their encoded ids, and by each platform's ids."""

    token_ids: Collection[str]
    client_ids: Collection[str]
    on_platform: Mapping[Platform, Collection[str]]


class LookedUp(Struct, frozen=True):
    """The rows of the clients found (see `Found`), in the order asked and each once."""

    clients: Sequence[Row]
    on_platform: Sequence[Row]

    def someone(self) -> LookedUp:
        """Itself, or NoClientFound if not one of the ids is a client's of this bot."""
        if not self.clients and not self.on_platform:
            raise NoClientFound("no client of this bot has any of these ids")
        return self


class Answer(Struct, frozen=True):
    """Who asked, None if there is no such bot; and what was found."""

    caller: Caller | None
    found: LookedUp


def answer(installation: Installation, bot_id: str, questions: Sequence[Question]) -> list[Answer]:
    """Answer one bot's questions, in order: what each client can spend now, exactly, whether or not anything was
    settled. Whether the caller may know it is for `access` to say.
    """
    now, all_sought = installation.clock.now(), sought(questions)
    stored = stored_balances.read(installation.database, bot_id, *all_sought, now)
    return computed(installation, bot_id, questions) if stored.stale() else _answers(questions, stored)


def sought(questions: Sequence[Question]) -> Sought:
    """What has to be read for one bot's questions."""
    if len(questions) == 1:
        [only] = questions
        wanted = only.wanted
        by_platform = {wanted.platform: wanted.platform_client_ids} if wanted.platform else {}
        return Sought((only.token_id,), wanted.client_ids, by_platform)
    token_ids = {question.token_id for question in questions}
    client_ids = set[str]().union(*[question.wanted.client_ids for question in questions])
    on_platform: dict[Platform, set[str]] = defaultdict(set)
    for question in questions:
        if question.wanted.platform and question.wanted.platform_client_ids:
            on_platform[question.wanted.platform].update(question.wanted.platform_client_ids)
    return Sought(token_ids, client_ids, on_platform)


def queries(bot_id: str, all_sought: Sought, now: int) -> list[Query]:
    """What `answered` needs the rows of, where somebody else asks the store."""
    return stored_balances.queries(bot_id, *all_sought, now)


def answered(questions: Sequence[Question], all_sought: Sought, rows: Sequence[list[Row]]) -> list[Answer] | None:
    """The answers, from the rows of the queries; None where a balance is stale, and has to be `computed`."""
    stored = stored_balances.stored(rows, *all_sought)
    return None if stored.stale() else _answers(questions, stored)


def computed(installation: Installation, bot_id: str, questions: Sequence[Question]) -> list[Answer]:
    """As `answer`. What is stale is computed from lots and holds: all of it has to be of one moment."""
    with installation.database.read() as tx:
        now = installation.clock.now()
        stored = stored_balances.read(tx, bot_id, *sought(questions), now)
        stored.freshen(_computed(tx, bot_id, stored.stale(), now))
        return _answers(questions, stored)


def balances(installation: Installation, bot_id: str, client_ids: Sequence[str]) -> dict[str, Balance]:
    """What clients can spend now, by encoded id, for the operator. NoSuchBot and NoClientFound refuse."""
    with installation.database.read() as tx:
        access.known_bot(tx, bot_id)
    [only] = answer(installation, bot_id, [Question("", Wanted(client_ids))])
    found = only.found.someone().clients
    return {client_id: Balance(Platform(platform), points) for client_id, platform, points in found}


def _answers(questions: Sequence[Question], stored: Stored) -> list[Answer]:
    return [Answer(stored.callers.get(question.token_id), _found(question.wanted, stored)) for question in questions]


def _computed(tx: Transaction, bot_id: str, client_ids: set[str], now: int) -> dict[str, int]:
    """Compute from lots and holds the balances that are past their due time, by encoded id."""
    lots, holds = accounts.open_lots(tx, bot_id, client_ids), accounts.open_holds(tx, bot_id, client_ids)
    return {client_id: available_at(lots.get(client_id, ()), holds.get(client_id, ()), now) for client_id in client_ids}


def _found(wanted: Wanted, stored: Stored) -> LookedUp:
    on_platform = stored.on_platform.get(wanted.platform) if wanted.platform else None
    return LookedUp(
        stored.clients.in_order(wanted.client_ids) if wanted.client_ids else NOTHING,
        on_platform.in_order(wanted.platform_client_ids) if on_platform else NOTHING,
    )
