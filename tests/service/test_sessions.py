"""Sessions of operators: how long they last, and what ends them."""

from __future__ import annotations

import pytest

from remora.errors import NotSignedIn, SignInRefused
from remora.model import Role
from remora.service import operators, sessions
from remora.service.installation import Installation
from remora.service.sessions import IDLE_SECONDS, LIFE_SECONDS
from tests.backdoor import BackDoor
from tests.cast import SECOND, ManualClock, Shop
from tests.service.signing_in import PASSWORD, fail, sign_in


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
def test_another_role_holds_from_the_next_request_on(installation: Installation, shop: Shop) -> None:
    token = sign_in(installation).token
    operators.update(installation, "mei", Role.VIEWER, [shop.bot_id])
    assert sessions.resume(installation, token).role is Role.VIEWER
