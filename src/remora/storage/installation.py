"""The few values that belong to the installation as a whole."""

from __future__ import annotations

from remora.storage.database import Transaction


def value(tx: Transaction, name: str) -> str | None:
    row = tx.one("installation_value", name=name)
    return row[0] if row else None


def keep(tx: Transaction, name: str, fresh: str) -> str:
    """Keep `fresh` under `name` unless there is a value already; return the one that is kept."""
    tx.run("installation_keep", name=name, value=fresh)
    kept = value(tx, name)
    assert kept is not None, "a row was just written"
    return kept


def every(tx: Transaction) -> dict[str, str]:
    """All values by name."""
    return dict(tx.all("installation_values"))


def forget(tx: Transaction, name: str) -> None:
    tx.run("installation_forget", name=name)
