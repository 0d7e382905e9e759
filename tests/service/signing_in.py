"""Signing in as an operator, and failing to."""

from __future__ import annotations

import pytest

from remora.errors import SignInRefused
from remora.service import sessions
from remora.service.installation import Installation

PASSWORD = "correct horse battery"
HOME = "192.0.2.1"


def sign_in(
    installation: Installation, name: str = "mei", password: str = PASSWORD, address: str = HOME
) -> sessions.SignedIn:
    return sessions.sign_in(installation, name, password, address)


def fail(installation: Installation, name: str = "mei", address: str = HOME) -> None:
    with pytest.raises(SignInRefused):
        sign_in(installation, name, "wrong", address)
