"""A process that writes to an SQLite file, one transaction of some milliseconds right after the other, until its
standard input ends: `python -m tests.storage.hog FILE`. Each adds a row to the table `hogged`; after the first it says
so.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from remora.storage.sqlite import SqliteDatabase

WORK = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 30000) SELECT count(*) FROM n"


def main() -> None:
    database = SqliteDatabase(Path(sys.argv[1]), busy_timeout_seconds=30)
    connection = database._connection()
    stopped = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        stopped.set()

    threading.Thread(target=watch, daemon=True).start()
    written = 0
    while not stopped.is_set():
        with database.write():
            connection.execute(WORK).fetchall()
            connection.execute("INSERT INTO hogged VALUES (1)")
        written += 1
        if written == 1:
            print("writing", flush=True)  # noqa: T201 (the test waits for it)
    database.close()


main()
