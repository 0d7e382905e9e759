"""Operators: who they may be, and what they may do."""

from __future__ import annotations

import itertools

import pytest

from remora.errors import InvalidField, NoSuchBot, NoSuchOperator, NotAllowed, NotSignedIn
from remora.model import Role
from remora.service import move, operators, sessions
from remora.service.authority import Authority
from remora.service.installation import Installation, open_installation, open_target
from remora.settings import DatabaseUrl
from tests.cast import ManualClock, Shop
from tests.service.signing_in import PASSWORD, sign_in
from tests.stores import settings_of


@pytest.mark.usefixtures("mei")
def test_a_disabled_operator_may_be_enabled_again(installation: Installation) -> None:
    operators.set_disabled(installation, "mei", disabled=True)
    operators.set_disabled(installation, "mei", disabled=False)
    sign_in(installation)


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
