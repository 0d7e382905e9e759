"""Signing in: by what, and how often one may fail to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from remora.errors import OperatorExists, SignInLocked, SignInRefused
from remora.model import Role
from remora.service import lockout, operators, passwords, sessions
from remora.service.authority import Authority
from remora.service.installation import Installation
from tests.backdoor import BackDoor
from tests.cast import SECOND, ManualClock, Shop
from tests.service.signing_in import HOME, PASSWORD, fail, sign_in


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
