"""Where a run was made: the machine, and the versions of what took part."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import psutil
from msgspec import Struct
from tests.servers.postgresql import PACKAGE

import remora
from bench.ground import disk
from bench.peers import prism
from bench.pgbench import PGBENCH

PACKAGES = ("uvicorn", "uvloop", "httptools", "psycopg", "fastapi", "pydantic", "sqlalchemy")
FLUSHES = 200


class Machine(Struct, frozen=True):
    """`flush_ms` is how long the disk takes to make 8 KB durable, the middle of many."""

    cpu: str
    cores: int
    memory_gb: float
    kernel: str
    file_system: str
    flush_ms: float
    versions: dict[str, str]


def this() -> Machine:
    """The machine that we run on."""
    return Machine(
        cpu=_first(r"model name\s*: (.+)", Path("/proc/cpuinfo")) or platform.processor() or platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        kernel=f"{platform.system()} {platform.release()}",
        file_system=_file_system(disk()),
        flush_ms=round(_flush_seconds() * 1_000, 2),
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    return {
        "Remora": remora.__version__,
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _number(_said(PACKAGE / "pginstall" / "bin" / "postgres", "--version")),
        "pgbench": _number(_said(PGBENCH, "--version")),
        "wrk": _number(_said("wrk", "-v")),
        "Node": _number(_said("node", "--version")),
        "Prism": prism.version(),
    }


def _said(*command: str | Path) -> str:
    """What a program says of itself; nothing if it is not there. wrk's status is 1 whenever it says it."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def _number(text: str) -> str:
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "none"


def _file_system(folder: Path) -> str:
    """The kind of what is mounted nearest above a folder."""
    above = [each for each in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(each.mountpoint)]
    kind: str = max(above, key=lambda each: len(each.mountpoint)).fstype
    return kind


def _first(pattern: str, path: Path) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else None


def _flush_seconds() -> float:
    path = disk() / f"remora-bench-flush-{os.getpid()}"
    took = []
    with path.open("wb", buffering=0) as file:
        try:
            for _ in range(FLUSHES):
                begun = time.perf_counter()
                file.write(bytes(8_192))
                os.fsync(file.fileno())
                took.append(time.perf_counter() - begun)
        finally:
            path.unlink()
    return statistics.median(took)
