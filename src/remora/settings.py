"""The environment, read once into one frozen struct; every bad variable is reported together."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

Value = TypeVar("Value")

MIN_KEY_BYTES = 32
MAX_PORT = 65535
MAX_COUNT = 1_000_000
MAX_WORKERS = 256
MAX_RATE = 1_000_000_000
MAX_WINDOW_SECONDS = 366 * 86_400
MAX_UPLOAD_MIB = 4_096
MIB = 1024 * 1024

UNIT_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
RATE = re.compile(
    rf"(?P<amount>\d{{1,10}}) ?(?:/|per ) ?(?:(?P<count>\d{{1,8}}) )?(?P<unit>{'|'.join(UNIT_SECONDS)})s?", re.ASCII
)

METRICS_DIR = "REMORA_METRICS_DIR"

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
REDIS = ("redis://", "rediss://", "unix://")

_HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(:[0-9]*)?")
"""A host of a connection URI, which may have several, or a socket's folder with its slashes as %2F; and a port."""


class SettingsError(Exception):
    """One or more bad variables; `problems` has a line for each, and no secret's value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Secret:
    """A value that shows itself only when asked."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(hidden)"


class Rate(Struct, frozen=True):
    """At most `amount` in so many `seconds`."""

    amount: int
    seconds: int


class SqliteUrl(Struct, frozen=True):
    """An SQLite file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


class PostgresUrl(Struct, frozen=True):
    """A PostgreSQL database, as libpq's connection URIs name one. Shown without user, password or parameters."""

    url: Secret

    def __str__(self) -> str:
        place = self.url.reveal().partition("://")[2].partition("?")[0]
        return f"postgresql://{place.rpartition('@')[2]}"


DatabaseUrl = SqliteUrl | PostgresUrl


class MetricsFor(StrEnum):
    """Who is told the metrics: those who ask the server itself, those too for whom a proxy asks, or nobody."""

    DIRECT = "direct"
    ALL = "all"
    NOBODY = "off"


class Settings(Struct, frozen=True):
    """What an operator can set; docs/reference/settings.md says what each is for."""

    database: DatabaseUrl
    database_timeout_seconds: int
    pool_size: int
    redis_url: Secret | None
    data_dir: Path
    signing_key: Secret | None
    host: str
    port: int
    workers: int
    rate_limit: Rate
    failed_auth_limit: Rate
    trusted_proxies: tuple[str, ...]
    queue_limit: int
    upload_limit_mib: int
    metrics: MetricsFor
    metrics_dir: Path | None


class _Environment:
    """Reads variables, and gathers what is wrong with them instead of stopping at the first."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.problems: list[str] = []

    def read(self, name: str, default: Value, parse: Callable[[str], Value]) -> Value:
        text = self.variables.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as problem:
            self.problems.append(f"{name} {problem}")
            return default

    def read_secret(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """Read `NAME`, or the file that `NAME_FILE` points to."""
        if self.variables.get(name) and self.variables.get(f"{name}_FILE"):
            self.problems.append(f"{name} and {name}_FILE are both set; set one of them")
            return None
        direct = self.read(name, None, parse)
        return direct or self.read(f"{name}_FILE", None, lambda path: parse(_contents(path)))

    def read_data_dir(self) -> Path:
        """Read where things are kept. A user without a home folder, as containers have them, must say so."""
        given = self.read("REMORA_DATA_DIR", None, Path)
        try:
            return given or _default_data_dir(self.variables)
        except RuntimeError:
            self.problems.append("REMORA_DATA_DIR must be set: the user has no home folder")
            return Path()


def load(variables: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `variables` (the environment by default), or raise SettingsError."""
    env = _Environment(os.environ if variables is None else variables)
    data_dir = env.read_data_dir()
    settings = Settings(
        data_dir=data_dir,
        database=env.read_secret("REMORA_DATABASE_URL", database_url) or SqliteUrl(data_dir / "remora.db"),
        database_timeout_seconds=env.read("REMORA_DATABASE_TIMEOUT", 5, _whole(1, 600)),
        pool_size=env.read("REMORA_POOL_SIZE", 8, _whole(4, 1_000)),
        redis_url=env.read_secret("REMORA_REDIS_URL", _redis_url),
        signing_key=env.read_secret("REMORA_SIGNING_KEY", _signing_key),
        host=env.read("REMORA_HOST", "127.0.0.1", str),
        port=env.read("REMORA_PORT", 8000, port_number),
        rate_limit=env.read("REMORA_RATE_LIMIT", Rate(600, 60), rate),
        failed_auth_limit=env.read("REMORA_FAILED_AUTH_LIMIT", Rate(60, 60), rate),
        trusted_proxies=env.read("REMORA_TRUSTED_PROXIES", (), _networks),
        queue_limit=env.read("REMORA_QUEUE_LIMIT", 10_000, _whole(1, MAX_COUNT)),
        upload_limit_mib=env.read("REMORA_UPLOAD_LIMIT", 64, _whole(1, MAX_UPLOAD_MIB)),
        workers=env.read("REMORA_WORKERS", 1, _whole(1, MAX_WORKERS)),
        metrics=env.read("REMORA_METRICS", MetricsFor.DIRECT, _metrics_for),
        metrics_dir=env.read(METRICS_DIR, None, _folder),
    )
    if env.problems:
        raise SettingsError(env.problems)
    return settings


def port_number(text: str) -> int:
    """A TCP port; 0 asks the system for a free one."""
    return _whole(0, MAX_PORT)(text)


def _whole(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number within bounds."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}, not {text!r}")
        return int(text)

    return read


def _default_data_dir(variables: Mapping[str, str]) -> Path:
    """Where the XDG base directory specification puts what a user's program keeps."""
    base = variables.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "remora"


def database_url(text: str) -> DatabaseUrl:
    """The URL of a database. Neither it nor a part of it is repeated in an error: it may hold a password."""
    if text.startswith(SQLITE):
        path = text.removeprefix(SQLITE)
        if not path or path == ":memory:" or "\0" in path:
            raise ValueError(f"must name a file after {SQLITE}")
        return SqliteUrl(Path(path))
    if text.startswith(POSTGRES):
        return _postgres_url(text)
    raise ValueError(
        f"must start with {SQLITE} (the path follows; an absolute one makes four slashes) or postgresql://"
    )


def _postgres_url(text: str) -> PostgresUrl:
    """One whose hosts, ports and path hold no part of a password: what it leads to is told in errors."""
    place = text.partition("://")[2].partition("?")[0]
    authority, _, path = place.partition("/")
    user, _, hosts = authority.rpartition("@")
    if "@" in user + path or not all(_HOST.fullmatch(host) for host in hosts.split(",")):
        raise ValueError("is not a connection URI: in a user's name or password write @ as %40, / as %2F, : as %3A")
    return PostgresUrl(Secret(text))


def _redis_url(text: str) -> Secret:
    if not text.startswith(REDIS):
        raise ValueError("must start with redis://, rediss:// or unix:// (for Valkey too)")
    parts = _split(text)
    if parts.scheme != "unix" and not parts.path.removeprefix("/").isdigit() and parts.path not in {"", "/"}:
        raise ValueError("must end in the number of a database, like /1, or in none")
    from redis import ConnectionPool  # noqa: PLC0415 (the client takes a third of a second to load)

    try:
        ConnectionPool.from_url(text).make_connection()
    except Exception:  # noqa: BLE001 (each option of a connection fails in its own way)
        raise ValueError("has an option after the ? that there is not, or with a value that cannot be") from None
    return Secret(text)


def _split(text: str) -> SplitResult:
    """Raise ValueError unless it is a URL with a port that can be one."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL: a port, or a part in brackets, is wrong") from None
    return parts


def _signing_key(text: str) -> Secret:
    if len(text.encode()) < MIN_KEY_BYTES:
        raise ValueError(f"must be at least {MIN_KEY_BYTES} bytes long (RFC 7518, section 3.2)")
    return Secret(text)


def _contents(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"cannot be read: {path}: {type(problem).__name__}") from problem


def _metrics_for(text: str) -> MetricsFor:
    try:
        return MetricsFor(text)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(MetricsFor)}, not {text!r}") from None


def _folder(text: str) -> Path:
    if not os.access(text, os.W_OK | os.X_OK) or not Path(text).is_dir():
        raise ValueError(f"must be a folder that is there and can be written to, not {text!r}")
    return Path(text)


def rate(text: str) -> Rate:
    """A limit as it is written in the environment: `600/minute`, `5 per hour`, `100/2 days`."""
    form = RATE.fullmatch(text.strip().lower())
    if form is None:
        raise ValueError(f"must be a rate like 600/minute or 10/second, not {text!r}")
    read = Rate(int(form["amount"]), int(form["count"] or 1) * UNIT_SECONDS[form["unit"]])
    if not 1 <= read.amount <= MAX_RATE or not 1 <= read.seconds <= MAX_WINDOW_SECONDS:
        raise ValueError(f"must be one rate of 1 to {MAX_RATE:,}, in a year at most, not {text!r}")
    return read


def _networks(text: str) -> tuple[str, ...]:
    networks = tuple(part.strip() for part in text.split(","))
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as problem:
            raise ValueError(f"must be addresses or networks parted by commas: {problem}") from problem
    return networks
