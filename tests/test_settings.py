"""Settings: read once, every bad one named, secrets hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from remora import settings
from remora.settings import MetricsFor, PostgresUrl, Rate, SettingsError, SqliteUrl

KEY = "k" * 32


def test_the_defaults() -> None:
    loaded = settings.load({"XDG_DATA_HOME": "/data"})
    assert loaded.database == SqliteUrl(Path("/data/remora/remora.db"))
    assert (loaded.host, loaded.port) == ("127.0.0.1", 8000)
    assert (loaded.rate_limit, loaded.failed_auth_limit) == (Rate(600, 60), Rate(60, 60))
    assert loaded.signing_key is None
    assert loaded.trusted_proxies == ()
    assert (loaded.metrics, loaded.metrics_dir) == (MetricsFor.DIRECT, None)


def test_a_user_without_a_home_folder_says_where_the_data_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "~")  # what is left of it where nobody knows the user
    assert settings.load({"REMORA_DATA_DIR": "/data"}).database == SqliteUrl(Path("/data/remora.db"))
    assert settings.load({"XDG_DATA_HOME": "/data"}).data_dir == Path("/data/remora")
    with pytest.raises(SettingsError) as raised:
        settings.load({})
    assert raised.value.problems == ["REMORA_DATA_DIR must be set: the user has no home folder"]


def test_every_setting_can_be_set(tmp_path: Path) -> None:
    loaded = settings.load(
        {
            "REMORA_DATABASE_URL": "sqlite:////srv/points.db",
            "REMORA_REDIS_URL": "rediss://user:hunter2@h:6380/1?ssl_ca_certs=/etc/ca.pem&socket_timeout=1",
            "REMORA_SIGNING_KEY": KEY,
            "REMORA_HOST": "::",
            "REMORA_PORT": "0",
            "REMORA_RATE_LIMIT": "10/second",
            "REMORA_FAILED_AUTH_LIMIT": "5 per hour",
            "REMORA_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "REMORA_METRICS": "all",
            "REMORA_METRICS_DIR": str(tmp_path),
        }
    )
    assert loaded.database == SqliteUrl(Path("/srv/points.db"))
    assert loaded.redis_url is not None
    assert loaded.redis_url.reveal().startswith("rediss://user:hunter2@h:6380/1?")
    assert "hunter2" not in repr(loaded)
    assert loaded.signing_key is not None
    assert loaded.signing_key.reveal() == KEY
    assert (loaded.host, loaded.port) == ("::", 0)
    assert (loaded.rate_limit, loaded.failed_auth_limit) == (Rate(10, 1), Rate(5, 3600))
    assert loaded.trusted_proxies == ("10.0.0.0/8", "::1")
    assert (loaded.metrics, loaded.metrics_dir) == (MetricsFor.ALL, tmp_path)


def test_three_slashes_make_a_relative_path_and_four_an_absolute_one() -> None:
    assert settings.load({"REMORA_DATABASE_URL": "sqlite:///a/b.db"}).database == SqliteUrl(Path("a/b.db"))
    assert settings.load({"REMORA_DATABASE_URL": "sqlite:////a/b.db"}).database == SqliteUrl(Path("/a/b.db"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/d",
        "postgres://u:hunter2@h:5432/d?sslmode=require",
        "postgresql://u:hunter%402@[::1]:5432/d",
        "postgresql://u:hunter2@a:5432,b,[::1]/d?target_session_attrs=read-write",
        "postgresql://u:hunter2@%2Frun%2Fpostgresql/d",
        "postgresql:///d?host=/run/postgresql&user=u&password=hunter@2/:",
        "postgresql://u:hunter[2@h/d",
        "postgresql://",
    ],
)
def test_a_postgresql_url_is_kept_as_it_is_and_shown_without_its_password(url: str) -> None:
    database = settings.load({"REMORA_DATABASE_URL": url}).database
    assert isinstance(database, PostgresUrl)
    assert database.url.reveal() == url
    assert "hunter" not in f"{database} {database!r}"


@pytest.mark.parametrize("password", ["hunter2@x", "hunter2/x", "12/x@y", "hunter2:x/y"])
def test_a_postgresql_url_whose_password_would_be_taken_for_another_part_is_refused(password: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({"REMORA_DATABASE_URL": f"postgresql://u:{password}@h/d"})
    [problem] = caught.value.problems
    assert "%40" in problem
    assert password not in problem


def test_the_data_folder_moves_the_default_database() -> None:
    assert settings.load({"REMORA_DATA_DIR": "/srv"}).database == SqliteUrl(Path("/srv/remora.db"))


@pytest.mark.parametrize("url", ["redis://h", "redis://h/", "redis://[::1]:6380/3", "unix:///run/redis.sock?db=2"])
def test_the_url_of_a_redis_may_be_short(url: str) -> None:
    loaded = settings.load({"REMORA_REDIS_URL": url})
    assert loaded.redis_url is not None
    assert loaded.redis_url.reveal() == url


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    loaded = settings.load({"REMORA_SIGNING_KEY_FILE": str(file)})
    assert loaded.signing_key is not None
    assert loaded.signing_key.reveal() == KEY


BAD = {
    "REMORA_DATABASE_URL": ["mysql://u:hunter2@h/d", "sqlite:///", "sqlite:///:memory:", "/path"],
    "REMORA_REDIS_URL": [
        "http://:hunter2@h",
        "redis://:hunter2@h:65536",
        "redis://:hunter2@h/points",
        "redis://:hunter2@h?db=one",
        "redis://:hunter2@h?no_such_option=1",
    ],
    "REMORA_SIGNING_KEY": ["hunter2"],
    "REMORA_SIGNING_KEY_FILE": ["/does/not/exist"],
    "REMORA_PORT": ["x", "-1", "65536", "1.5", "٣", "tcp://10.0.0.1:80"],
    "REMORA_RATE_LIMIT": ["fast", "0/minute", "-1/minute", "1/minute; 2/hour", "600", "1000000001/day", "1/2 years"],
    "REMORA_FAILED_AUTH_LIMIT": ["60/fortnight"],
    "REMORA_TRUSTED_PROXIES": ["somewhere", "10.0.0.1/8", ","],
    "REMORA_METRICS": ["on", "Direct", "direct,all"],
    "REMORA_METRICS_DIR": ["/does/not/exist", __file__],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_and_its_variable_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({name: value})
    [problem] = caught.value.problems
    assert problem.startswith(f"{name} ")
    assert "hunter2" not in problem


def test_every_bad_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({name: values[0] for name, values in BAD.items() if not name.endswith("_FILE")})
    assert [problem.split()[0] for problem in caught.value.problems] == [
        name for name in BAD if not name.endswith("_FILE")
    ]


def test_a_secret_and_its_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both set"):
        settings.load({"REMORA_SIGNING_KEY": KEY, "REMORA_SIGNING_KEY_FILE": str(tmp_path)})


def test_a_secret_is_never_in_a_repr() -> None:
    loaded = settings.load({"REMORA_SIGNING_KEY": KEY})
    assert KEY not in repr(loaded)
    assert KEY not in str(loaded.signing_key)
