"""Encoded ids: Hashids of at least nine characters, as the source API's are."""

from __future__ import annotations

import secrets

from hashids import Hashids

MIN_LENGTH = 9
# 47 bits come out as nine or ten characters, and make a meeting of two random bot ids unlikely.
_BOT_NUMBER_BITS = 47


def encoder_of(salt: str) -> Hashids:
    """The encoder of one installation. With an empty salt 1 becomes `VolejRejN`, the source's sample."""
    return Hashids(salt=salt, min_length=MIN_LENGTH)


def client_id(encoder: Hashids, number: int) -> str:
    """The encoded id of a bot's client number, from 1."""
    return str(encoder.encode(number))


def new_bot_id(encoder: Hashids) -> str:
    """A fresh bot id. Random, not counted: no sequence is shared between bots."""
    return str(encoder.encode(secrets.randbits(_BOT_NUMBER_BITS)))
