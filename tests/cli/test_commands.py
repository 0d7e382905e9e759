"""The commands by hand: human output by default, the wire's names with --json, refusals told apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from remora.cli import main
from remora.settings import DatabaseUrl
from tests.backdoor import BackDoor
from tests.shell import Shell
from tests.stores import text_of


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


@pytest.mark.parametrize("path", [path for path, _ in commands(main)], ids=" ".join)
def test_every_command_has_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    assert ended.value.code == 0
    assert "Usage: " in capsys.readouterr().out


def test_every_command_takes_json_except_those_that_serve_or_print_a_document() -> None:
    without = {
        " ".join(path)
        for path, command in commands(main)
        if not isinstance(command, click.Group) and not any("--json" in option.opts for option in command.params)
    }
    assert without == {"serve", "demo", "openapi", "export clients", "export journal"}


def test_from_nothing_to_a_balance(new_shell: Shell, empty: DatabaseUrl) -> None:
    new_shell.environment["REMORA_DATABASE_URL"] = text_of(empty)
    assert new_shell.json("migrate")["applied"][0] == "0001_points"
    pair = new_shell.json("bot", "create", "Tea shop", "--bot-id", "teaShop01")
    assert set(pair) == {"botId", "apiToken", "apiSecret", "expiresAt"}
    added = new_shell.json("client", "add", "teaShop01", "line", "U1")
    assert set(added) == {"clientId", "platform", "platformClientId"}
    granted = new_shell.json("points", "grant", "teaShop01", added["clientId"], "50", "--reason", "welcome")
    assert granted["available"] == 50
    assert granted["entry"]["reason"] == "welcome"
    shown = new_shell.json("points", "show", "teaShop01", added["clientId"], "nobody")
    assert shown == {
        "points": [{"clientId": added["clientId"], "platform": "line", "points": 50}],
        "notFound": {"clientIds": ["nobody"]},
    }


def test_people_get_lines_and_tables(shell: Shell) -> None:
    created = shell.ok("bot", "create", "Tea shop")
    assert [line.split()[0] for line in created.splitlines()] == ["bot", "token", "secret", "expires"]
    bot_id = created.split()[2]
    client_id = shell.ok("client", "add", bot_id, "line", "U1").strip()
    assert shell.ok("points", "grant", bot_id, client_id, "7") == f"grant +7 as {client_id}-1; available 7\n"
    assert shell.ok("points", "show", bot_id, client_id).split()[-3:] == [client_id, "line", "7"]
    assert "U1" in shell.ok("client", "list", bot_id)
    assert "U1" in shell.ok("client", "show", bot_id, client_id)
    assert "Tea shop" in shell.ok("bot", "list")
    assert "pair expires" in shell.ok("bot", "show", bot_id)
    assert shell.ok("migrate").strip().endswith("is up to date")


def test_a_bot_can_be_changed_rotated_and_turned_off(shell: Shell) -> None:
    first = shell.json("bot", "create", "Tea shop", "--bot-id", "tea", "--overlap-minutes", "5")
    assert shell.json("bot", "update", "tea", "--name", "Tea", "--overlap-minutes", "1440")["overlapMinutes"] == 1440
    assert shell.json("bot", "disable", "tea")["apiEnabled"] is False
    assert shell.json("bot", "enable", "tea")["apiEnabled"] is True
    second = shell.json("bot", "rotate", "tea", "--overlap-minutes", "0")
    assert second["apiToken"] != first["apiToken"]
    assert [each["name"] for each in shell.json("bot", "list")["bots"]] == ["Tea"]
    assert set(shell.json("bot", "show", "tea")["pair"]) == {"createdAt", "expiresAt"}


def test_a_token_and_a_secret_are_shown_once(shell: Shell, back_door: BackDoor) -> None:
    pair = shell.json("bot", "create", "Tea shop", "--bot-id", "tea")
    later = (
        shell.ok("bot", "show", "tea") + shell.ok("bot", "list", "--json") + shell.ok("bot", "show", "tea", "--json")
    )
    dump = back_door.dump()
    assert "Tea shop" in dump
    for hidden in (pair["apiToken"], pair["apiSecret"]):
        assert hidden not in later
        assert hidden not in dump


def test_the_same_key_grants_once(shell: Shell) -> None:
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    grant = ("points", "grant", "tea", client_id, "5", "--key", "order-1", "--expires-at", "2999-12-31T23:59:59+08:00")
    assert shell.json(*grant) == shell.json(*grant)
    assert shell.json("points", "show", "tea", client_id)["points"][0]["points"] == 5
    assert shell.refused("points", "grant", "tea", client_id, "6", "--key", "order-1") == 900003


def test_refusals_have_the_codes_of_the_api(shell: Shell) -> None:
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    client_id = shell.json("client", "add", "tea", "line", "U1")["clientId"]
    assert shell.refused("bot", "create", "Another", "--bot-id", "tea") == 900001
    assert shell.refused("bot", "create", "Bad", "--bot-id", "no spaces") == 110000
    assert shell.refused("client", "add", "tea", "line", "U2", "--client-id", client_id) == 900002
    assert shell.refused("client", "list", "nobody") == 5001
    assert shell.refused("bot", "show", "nobody") == 5001
    assert shell.refused("bot", "rotate", "nobody") == 5001
    assert shell.refused("client", "show", "tea", "nobody") == 37011
    assert shell.refused("points", "show", "tea", "nobody") == 37011
    assert shell.refused("points", "grant", "tea", client_id, "1", "--expires-at", "1999-12-31T00:00:00Z") == 110000
    shell.ok("points", "grant", "tea", client_id, str(2**53 - 1))
    assert shell.refused("points", "grant", "tea", client_id, "1") == 900004


@pytest.mark.parametrize(
    "words",
    [
        ("points", "grant", "tea", "c", "0"),
        ("points", "grant", "tea", "c", "1.5"),
        ("points", "grant", "tea", "c", str(2**53)),
        ("points", "grant", "tea", "c", "1", "--expires-at", "2030-01-01T00:00:00"),
        ("client", "add", "tea", "telegram", "U1"),
        ("client", "list", "tea", "--limit", "0"),
        ("bot", "create", "x", "--overlap-minutes", "1441"),
        ("bot", "update", "tea"),
        ("serve", "--port", "65536"),
        ("points", "show", "tea"),
    ],
)
def test_a_misuse_is_told_with_the_usage_and_status_2(shell: Shell, words: tuple[str, ...]) -> None:
    done = shell.run(*words)
    assert done.returncode == 2
    assert "Usage: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_long_list_of_clients_comes_in_pages(shell: Shell) -> None:
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    made = sorted(shell.json("client", "add", "tea", "line", f"U{number}")["clientId"] for number in range(3))
    first = shell.json("client", "list", "tea", "--limit", "2")
    assert [each["clientId"] for each in first["clients"]] == made[:2]
    rest = shell.json("client", "list", "tea", "--after", first["after"])
    assert [each["clientId"] for each in rest["clients"]] == made[2:]
    assert rest["after"] is None
    assert f"--after {made[1]}" in shell.run("client", "list", "tea", "--limit", "2").stderr


def test_a_command_without_a_database_names_the_one_to_run_first(new_shell: Shell, tmp_path: Path) -> None:
    for words in (("bot", "list"), ("serve",), ("points", "show", "tea", "c")):
        done = new_shell.run(*words)
        assert done.returncode == 1
        assert "remora migrate" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_serve_on_a_database_that_lacks_a_migration_refuses_and_names_the_command(
    shell: Shell, back_door: BackDoor
) -> None:
    back_door.run("DELETE FROM schema_migrations")
    done = shell.run("serve", "--port", "0")
    assert done.returncode == 1
    assert "0001_points" in done.stderr
    assert "remora migrate" in done.stderr


def test_every_bad_setting_is_named_and_the_start_is_stopped(shell: Shell) -> None:
    done = shell.run("serve", REMORA_PORT="many", REMORA_RATE_LIMIT="fast", REMORA_SIGNING_KEY="hunter2")
    assert done.returncode == 2
    assert [line.split()[1] for line in done.stderr.splitlines()] == [
        "REMORA_SIGNING_KEY",
        "REMORA_PORT",
        "REMORA_RATE_LIMIT",
    ]
    assert "hunter2" not in done.stderr


def test_a_place_that_cannot_hold_a_database_is_told(new_shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = new_shell.run("migrate", REMORA_DATABASE_URL=f"sqlite:///{tmp_path}/file/remora.db")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_openapi_prints_the_document(new_shell: Shell) -> None:
    assert '"/openapi/client/point"' in new_shell.ok("openapi")
