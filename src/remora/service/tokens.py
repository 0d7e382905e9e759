"""Tokens: JWTs signed with HS256, and nothing else."""

from __future__ import annotations

from functools import lru_cache

import jwt
import msgspec

from remora.errors import TokenInvalid
from remora.model import MICROSECONDS_PER_SECOND
from remora.settings import Secret

LIFE_SECONDS = 30 * 24 * 3600
ALGORITHM = "HS256"
REMEMBERED = 4096
"""How many tokens that were found rightly signed are remembered, so that each is verified once."""

# The signature layer alone: PyJWT's checks of claims read the machine's clock, and ours is given.
_jws = jwt.PyJWS(algorithms=[ALGORITHM])


class Claims(msgspec.Struct, frozen=True):
    """What a token says. `exp` and `iat` are whole seconds, `jti` names the pair it belongs to."""

    bot_id: str = msgspec.field(name="botId")
    token_id: str = msgspec.field(name="jti")
    issued_at_seconds: int = msgspec.field(name="iat")
    expires_at_seconds: int = msgspec.field(name="exp")

    @property
    def expires_at(self) -> int:
        """UTC microseconds."""
        return self.expires_at_seconds * MICROSECONDS_PER_SECOND


_claims = msgspec.json.Decoder(Claims)


def sign(claims: Claims, key: Secret) -> str:
    """Write the claims as a signed token."""
    return _jws.encode(msgspec.json.encode(claims), key.reveal(), algorithm=ALGORITHM, headers={"typ": "JWT"})


def read(token: str | None, key: Secret, now: int | None) -> Claims:
    """Check a token's signature and life, or raise TokenInvalid. With `now` None an expired one is taken too."""
    if not token:
        raise TokenInvalid("a bearer token is required")
    try:
        claims = _signed(token, key.reveal())
    except (jwt.InvalidTokenError, msgspec.DecodeError, UnicodeError) as problem:
        raise TokenInvalid("the token is not valid") from problem
    if now is not None and claims.expires_at <= now:
        raise TokenInvalid("the token has expired")
    return claims


@lru_cache(maxsize=REMEMBERED)
def _signed(token: str, key: str) -> Claims:
    """Check the signature and read the claims. That much never changes for a token, so it may be
    remembered; its end and its revocation are looked at for every request.
    """
    return _claims.decode(_jws.decode(token, key, algorithms=[ALGORITHM]))
