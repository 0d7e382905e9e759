"""Operators and their sessions: who may sign in, for how long, and how often they may fail to."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from remora.errors import (
    InvalidField,
    NoSuchBot,
    NoSuchOperator,
    NotAllowed,
    NotSignedIn,
    OperatorExists,
    SignInLocked,
    SignInRefused,
)
from remora.model import Role
from remora.service import lockout, move, operators, passwords, sessions
from remora.service.authority import Authority
from remora.service.installation import Installation, open_installation, open_target
from remora.service.sessions import IDLE_SECONDS, LIFE_SECONDS
from remora.settings import DatabaseUrl
from tests.backdoor import BackDoor
from tests.cast import SECOND, ManualClock, Shop
from tests.stores import settings_of

PASSWORD = "correct horse battery"
HOME = "192.0.2.1"


@pytest.fixture
def mei(installation: Installation, shop: Shop) -> str:
    return operators.add(installation, "mei", Role.STAFF, [shop.bot_id], PASSWORD).name


def sign_in(
    installation: Installation, name: str = "mei", password: str = PASSWORD, address: str = HOME
) -> sessions.SignedIn:
    return sessions.sign_in(installation, name, password, address)


def fail(installation: Installation, name: str = "mei", address: str = HOME) -> None:
    with pytest.raises(SignInRefused):
        sign_in(installation, name, "wrong", address)


@pytest.mark.usefixtures("mei")
def test_an_operator_signs_in_and_is_known_by_the_token(installation: Installation, shop: Shop) -> None:
    signed_in = sign_in(installation)
    assert signed_in.authority == Authority("mei", Role.STAFF, frozenset([shop.bot_id]))
    assert sessions.resume(installation, signed_in.token) == signed_in.authority
    assert sign_in(installation).token != signed_in.token


@pytest.mark.usefixtures("mei")
def test_neither_password_nor_token_is_kept_or_shown(installation: Installation, back_door: BackDoor) -> None:
    signed_in = sign_in(installation)
    kept = back_door.dump()
    assert "$argon2id$" in kept
    assert PASSWORD not in kept
    assert signed_in.token not in kept
    assert signed_in.token.encode().hex() not in kept.lower()
    assert signed_in.token not in repr(signed_in)
    assert "argon2" not in repr(operators.every(installation))


@pytest.mark.parametrize("name", ["mei", "nobody", "", "mei\0", "\ud800", "x" * 10_000])
@pytest.mark.parametrize("password", ["", "wrong", "\0\ud800", "x" * 100_000])
@pytest.mark.usefixtures("mei")
def test_a_wrong_name_or_password_is_refused_alike(installation: Installation, name: str, password: str) -> None:
    with pytest.raises(SignInRefused) as refused:
        sign_in(installation, name, password)
    assert refused.value.message == "name and password do not belong together"


@pytest.mark.usefixtures("mei")
def test_an_unknown_name_takes_the_work_of_a_known_one(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, kept: str, password: str) -> bool:
        compared.append(kept.rpartition("$")[0].rpartition("$")[0])
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    fail(installation)
    fail(installation, "nobody")
    assert len(compared) == 2
    assert compared[0] == compared[1], "the same parameters"


@pytest.mark.usefixtures("mei")
def test_a_name_that_failed_too_often_is_locked_for_the_window(installation: Installation, clock: ManualClock) -> None:
    for _ in range(lockout.MOST_FOR_NAME):
        fail(installation)
    for address in (HOME, "198.51.100.7"):
        with pytest.raises(SignInLocked) as locked:
            sign_in(installation, address=address)
        assert locked.value.retry_after_seconds == lockout.WINDOW_SECONDS
    clock.time += lockout.WINDOW_SECONDS * SECOND - 1
    with pytest.raises(SignInLocked) as locked:
        sign_in(installation)
    assert locked.value.retry_after_seconds == 1
    clock.time += 1
    sign_in(installation)


def test_a_name_that_nobody_has_is_locked_too(installation: Installation) -> None:
    for _ in range(lockout.MOST_FOR_NAME):
        fail(installation, "nobody")
    with pytest.raises(SignInLocked):
        sign_in(installation, "nobody")


@pytest.mark.usefixtures("mei")
def test_an_address_that_failed_too_often_is_locked_for_every_name(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockout, "MOST_FROM_ADDRESS", 3)
    for number in range(3):
        fail(installation, f"name {number}")
    with pytest.raises(SignInLocked):
        sign_in(installation)
    sign_in(installation, address="198.51.100.7")


@pytest.mark.usefixtures("mei")
def test_signing_in_well_forgives_the_name_and_costs_the_address_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockout, "MOST_FROM_ADDRESS", 2)
    for _ in range(4):
        sign_in(installation)
    monkeypatch.setattr(lockout, "MOST_FROM_ADDRESS", 50)
    for _ in range(3):
        for _ in range(lockout.MOST_FOR_NAME - 1):
            fail(installation)
        sign_in(installation)


@pytest.mark.usefixtures("mei")
def test_of_many_at_once_no_more_are_looked_at_than_one_after_the_other(installation: Installation) -> None:
    def attempt(_: int) -> type[BaseException] | None:
        try:
            sign_in(installation, password="wrong")
        except (SignInRefused, SignInLocked) as refusal:
            return type(refusal)
        return None

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(attempt, range(lockout.MOST_FOR_NAME + 6)))
    assert told.count(SignInRefused) == lockout.MOST_FOR_NAME
    assert told.count(SignInLocked) == 6


@pytest.mark.usefixtures("mei")
def test_what_failed_is_kept_without_the_name_and_forgotten(
    installation: Installation, clock: ManualClock, back_door: BackDoor
) -> None:
    fail(installation, "my password by mistake")
    assert "mistake" not in back_door.dump()
    clock.time += lockout.WINDOW_SECONDS * SECOND
    sign_in(installation)
    assert back_door.rows("SELECT count(*) FROM sign_in_failures") == [(1,)], "that of the address"


@pytest.mark.usefixtures("mei")
def test_a_session_ends_unused_after_an_hour_and_in_any_case_after_twelve(
    installation: Installation, clock: ManualClock
) -> None:
    started = clock.time
    used, unused = sign_in(installation).token, sign_in(installation).token
    clock.time += (IDLE_SECONDS - 1) * SECOND
    sessions.resume(installation, used)
    clock.time += SECOND
    with pytest.raises(NotSignedIn):
        sessions.resume(installation, unused)
    while clock.time < started + (LIFE_SECONDS - 1) * SECOND:
        sessions.resume(installation, used)
        clock.time = min(clock.time + 1_800 * SECOND, started + (LIFE_SECONDS - 1) * SECOND)
    sessions.resume(installation, used)
    clock.time += SECOND
    with pytest.raises(NotSignedIn):
        sessions.resume(installation, used)


@pytest.mark.usefixtures("mei")
def test_sessions_that_are_over_are_forgotten(
    installation: Installation, clock: ManualClock, back_door: BackDoor
) -> None:
    sign_in(installation)
    clock.time += LIFE_SECONDS * SECOND
    sign_in(installation)
    assert back_door.rows("SELECT count(*) FROM sessions") == [(1,)]


@pytest.mark.parametrize("token", ["", "x", "\ud800", "\0"])
def test_what_is_no_token_opens_nothing(installation: Installation, token: str) -> None:
    with pytest.raises(NotSignedIn):
        sessions.resume(installation, token)


@pytest.mark.usefixtures("mei")
def test_signing_out_ends_this_session_and_no_other(installation: Installation) -> None:
    here, there = sign_in(installation).token, sign_in(installation).token
    sessions.sign_out(installation, here)
    with pytest.raises(NotSignedIn):
        sessions.resume(installation, here)
    sessions.resume(installation, there)


@pytest.mark.usefixtures("mei")
def test_signing_out_everywhere_ends_all_of_ones_own(installation: Installation) -> None:
    operators.add(installation, "an", Role.ADMIN, [], PASSWORD)
    other = sign_in(installation, "an").token
    tokens = [sign_in(installation).token for _ in range(2)]
    sessions.sign_out_everywhere(installation, sessions.resume(installation, tokens[0]))
    for token in tokens:
        with pytest.raises(NotSignedIn):
            sessions.resume(installation, token)
    sessions.resume(installation, other)
    sign_in(installation)


@pytest.mark.usefixtures("mei")
def test_a_session_that_began_while_all_were_ended_is_over_too(installation: Installation, back_door: BackDoor) -> None:
    """Its row may come after the others went; the epoch in which it began has passed nevertheless."""
    token = sign_in(installation).token
    assert back_door.run("UPDATE operators SET epoch = epoch + 1") == 1
    with pytest.raises(NotSignedIn):
        sessions.resume(installation, token)


@pytest.mark.parametrize("what", ["passwd", "disable", "remove"])
@pytest.mark.usefixtures("mei")
def test_a_new_password_or_none_at_all_ends_every_session(installation: Installation, what: str) -> None:
    token = sign_in(installation).token
    match what:
        case "passwd":
            operators.set_password(installation, "mei", "another long password")
        case "disable":
            operators.set_disabled(installation, "mei", disabled=True)
        case "remove":
            operators.remove(installation, "mei")
    with pytest.raises(NotSignedIn):
        sessions.resume(installation, token)
    fail(installation)
    with pytest.raises(SignInRefused):
        sign_in(installation)


@pytest.mark.usefixtures("mei")
def test_a_disabled_operator_may_be_enabled_again(installation: Installation) -> None:
    operators.set_disabled(installation, "mei", disabled=True)
    operators.set_disabled(installation, "mei", disabled=False)
    sign_in(installation)


@pytest.mark.usefixtures("mei")
def test_another_role_holds_from_the_next_request_on(installation: Installation, shop: Shop) -> None:
    token = sign_in(installation).token
    operators.update(installation, "mei", Role.VIEWER, [shop.bot_id])
    assert sessions.resume(installation, token).role is Role.VIEWER


@pytest.mark.usefixtures("mei")
def test_a_hash_with_other_parameters_is_made_anew_at_the_next_sign_in(
    installation: Installation, back_door: BackDoor
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    back_door.run(f"UPDATE operators SET password_hash = '{weak}'")
    sign_in(installation)
    [(kept,)] = back_door.rows("SELECT password_hash FROM operators")
    assert kept != weak
    assert not passwords.is_outdated(kept)
    sign_in(installation)


def test_what_keyboards_write_in_two_ways_is_one_name_and_one_password(installation: Installation, shop: Shop) -> None:
    operators.add(installation, "Ame\u0301lie", Role.VIEWER, [shop.bot_id], "\uff50assword of mine e\u0301")
    sign_in(installation, "Am\u00e9lie", "password of mine \u00e9")
    with pytest.raises(OperatorExists):
        operators.add(installation, "Am\u00e9lie", Role.VIEWER, [shop.bot_id], PASSWORD)


@pytest.mark.parametrize(
    ("name", "role", "bots", "password"),
    [
        ("", Role.STAFF, 1, PASSWORD),
        (" mei", Role.STAFF, 1, PASSWORD),
        ("a\nb", Role.STAFF, 1, PASSWORD),
        ("x" * 65, Role.STAFF, 1, PASSWORD),
        ("\ufdfa" * 64, Role.STAFF, 1, PASSWORD),
        ("mei", Role.STAFF, 0, PASSWORD),
        ("mei", Role.ADMIN, 1, PASSWORD),
        ("mei", Role.STAFF, 1, "x" * 11),
        ("mei", Role.STAFF, 1, "x" * 257),
    ],
)
def test_what_is_out_of_bounds_makes_no_operator(
    installation: Installation, shop: Shop, name: str, role: Role, bots: int, password: str
) -> None:
    with pytest.raises(InvalidField):
        operators.add(installation, name, role, [shop.bot_id] * bots, password)
    assert operators.every(installation) == []


@pytest.mark.usefixtures("shop")
def test_an_operator_works_for_bots_that_there_are(installation: Installation) -> None:
    with pytest.raises(NoSuchBot):
        operators.add(installation, "mei", Role.STAFF, ["nothing"], PASSWORD)
    assert operators.every(installation) == []


def test_nobody_unknown_is_changed(installation: Installation) -> None:
    for change in (operators.sign_out, operators.remove):
        with pytest.raises(NoSuchOperator):
            change(installation, "nobody")


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_it_may_for_its_bots_only(role: Role) -> None:
    authority = Authority("mei", role, frozenset() if role is Role.ADMIN else frozenset(["mine"]))
    allowed = {
        (verb, bot): _is_allowed(authority, verb, bot)
        for verb, bot in itertools.product(("reads", "changes"), ("mine", "theirs"))
    }
    assert allowed == {
        ("reads", "mine"): None,
        ("changes", "mine"): NotAllowed if role is Role.VIEWER else None,
        ("reads", "theirs"): None if role is Role.ADMIN else NoSuchBot,
        ("changes", "theirs"): None if role is Role.ADMIN else NoSuchBot,
    }
    if role is Role.ADMIN:
        authority.administers()
    else:
        with pytest.raises(NotAllowed):
            authority.administers()


def _is_allowed(authority: Authority, verb: str, bot_id: str) -> type[Exception] | None:
    try:
        getattr(authority, verb)(bot_id)
    except (NoSuchBot, NotAllowed) as refusal:
        return type(refusal)
    return None


@pytest.mark.usefixtures("mei")
def test_operators_are_moved_and_their_sessions_are_not(
    installation: Installation, empty: DatabaseUrl, clock: ManualClock
) -> None:
    operators.add(installation, "an", Role.ADMIN, [], PASSWORD)
    token = sign_in(installation).token
    target = open_target(settings_of(empty), clock)
    move.copy(installation, target, lambda _: None)
    operators.remove(installation, "an")
    move.copy(installation, target, lambda _: None)
    move.finish(installation, target, lambda _: None)
    target.close()
    moved = open_installation(settings_of(empty), clock)
    assert operators.every(moved) == operators.every(installation)
    with pytest.raises(NotSignedIn):
        sessions.resume(moved, token)
    sign_in(moved)
    moved.close()
