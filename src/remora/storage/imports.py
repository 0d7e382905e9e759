"""Rows of imports, and of what each of their rows has granted."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import asdict, astuple

from remora.model import NEVER, Client, Platform
from remora.storage.database import Transaction
from remora.storage.parameters import array


class Import(Struct, frozen=True):
    """One file that was imported. `points` were granted in `grants` entries; of those `taken` were taken back, and
    `lacking` could not be. Instants are NEVER until they have come. Who did it is known of what the console did.
    """

    import_id: str
    name: str
    row_count: int
    began_at: int
    finished_at: int = NEVER
    undo_began_at: int = NEVER
    undone_at: int = NEVER
    clients_made: int = 0
    grants: int = 0
    points: int = 0
    taken: int = 0
    lacking: int = 0
    began_by: str | None = None
    undone_by: str | None = None


class ImportRow(Struct, frozen=True):
    """A row that was granted: `number` counts the file's rows from 1, `line` is where it began, `seq` names the entry
    in the client's journal. `taken` and `lacking` are None until the import is undone.
    """

    number: int
    line: int
    client_id: str
    seq: int
    points: int
    taken: int | None = None
    lacking: int | None = None


def begin(tx: Transaction, bot_id: str, made: Import) -> None:
    """Write an import, unless it is there."""
    tx.run("import_begin", bot_id=bot_id, **asdict(made))


def save(tx: Transaction, bot_id: str, changed: Import) -> None:
    """Write what changes of an import that is there."""
    fixed = ("name", "row_count", "began_at", "began_by")
    tx.run("import_save", bot_id=bot_id, **{name: each for name, each in asdict(changed).items() if name not in fixed})


def find(tx: Transaction, bot_id: str, import_id: str, *, lock: bool = False) -> Import | None:
    """One import; `lock` keeps everyone else from going on with it until the transaction ends."""
    row = tx.one("import_lock" if lock else "import_find", bot_id=bot_id, import_id=import_id)
    return Import(*row) if row else None


def page(tx: Transaction, bot_id: str, after: str, most: int) -> list[Import]:
    """At most `most` imports whose ids come after `after`, in their order."""
    return [Import(*row) for row in tx.all("import_page", bot_id=bot_id, after=after, most=most)]


def rows(tx: Transaction, bot_id: str, import_id: str, after: int, most: int) -> list[ImportRow]:
    """At most `most` rows that were granted, whose numbers come after `after`, in their order."""
    found = tx.all("import_rows_page", bot_id=bot_id, import_id=import_id, after=after, most=most)
    return [ImportRow(*row) for row in found]


def rows_between(tx: Transaction, bot_id: str, import_id: str, first: int, last: int) -> dict[int, ImportRow]:
    """The rows that were granted from one number to another, both included, by number."""
    found = tx.all("import_rows_between", bot_id=bot_id, import_id=import_id, first=first, last=last)
    return {row[0]: ImportRow(*row) for row in found}


def save_rows(tx: Transaction, bot_id: str, import_id: str, granted: Iterable[ImportRow]) -> None:
    """Write rows that were granted, or what was taken back of them."""
    names = ("import_id", *ImportRow.__struct_fields__)
    tx.run_many("import_row_save", bot_id, names, [(import_id, *astuple(row)) for row in granted])


def of_others(tx: Transaction, bot_id: str, import_id: str, client_ids: Collection[str]) -> dict[str, str]:
    """Which other import gave points, and has not taken them back, by the encoded ids of those who have any."""
    if not client_ids:
        return {}
    return dict(tx.all("import_rows_of_others", bot_id=bot_id, import_id=import_id, ids=array(client_ids)))


def clients_named(tx: Transaction, bot_id: str, client_ids: Collection[str]) -> dict[str, Client]:
    """Those of the encoded ids that are a client's."""
    if not client_ids:
        return {}
    found = tx.all("clients_named", bot_id=bot_id, ids=array(client_ids))
    return {client_id: Client(client_id, Platform(platform), theirs) for client_id, platform, theirs in found}
