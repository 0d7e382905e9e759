"""The service that a good engineer would write in an afternoon: FastAPI, pydantic, SQLAlchemy's asynchronous ORM and
psycopg on PostgreSQL, served by uvicorn with uvloop and httptools, and as many workers as there are cores.

    BENCH_DATABASE_URL=postgresql://… BENCH_SIGNING_KEY=… python -m uvicorn bench.peers.fastapi_app:app --workers 2

It answers the same call, look-ups by encoded ids, from a schema of its own: a balance for each client, bots, and the
digests of their secrets. It checks what Remora checks: the token's signature and end, that the pair is the bot's and
still valid, the secret in constant time, and that the bot may use the API. A request is one way to the database for
the caller, and one `SELECT … IN` for the balances. Reading needs no transactions, so there are none, and no sessions
are held over an answer.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import ForeignKey, LargeBinary, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

POOL = 10
"""Connections of a worker, which has one core. It opens no more than it has requests at a time."""

URL = os.environ.get("BENCH_DATABASE_URL", "").replace("postgresql://", "postgresql+psycopg://", 1)
SIGNING_KEY = os.environ.get("BENCH_SIGNING_KEY", "")

bearer = HTTPBearer()


class Table(DeclarativeBase):
    """Of a schema of its own."""


class Bot(Table):
    __tablename__ = "bots"
    bot_id: Mapped[str] = mapped_column(primary_key=True)
    api_enabled: Mapped[bool]


class Credential(Table):
    __tablename__ = "credentials"
    bot_id: Mapped[str] = mapped_column(ForeignKey("bots.bot_id"), primary_key=True)
    token_id: Mapped[str] = mapped_column(primary_key=True)
    secret_digest: Mapped[bytes] = mapped_column(LargeBinary)
    revoked: Mapped[bool] = mapped_column(default=False)


class Client(Table):
    __tablename__ = "clients"
    bot_id: Mapped[str] = mapped_column(ForeignKey("bots.bot_id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(primary_key=True)
    platform: Mapped[str]
    points: Mapped[int]


class Camel(BaseModel):
    """Named as the wire wants it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class PointsRequest(Camel):
    """Which clients."""

    secret: str
    client_ids: Annotated[list[str], Field(min_length=1, max_length=100)]


class ClientPoints(Camel):
    """One client's points."""

    platform: str
    points: int
    client_id: str


class PointsResponse(Camel):
    """The points of every client found."""

    success: bool
    message: str
    points: list[ClientPoints]


engine = create_async_engine(
    URL or "postgresql+psycopg://", pool_size=POOL, max_overflow=0, isolation_level="AUTOCOMMIT"
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    """One for a request."""
    async with sessions() as opened:
        yield opened


async def check_caller(db: AsyncSession, bot_id: str, token: str, secret: str) -> None:
    """Refuse whoever is not the bot with its current pair."""
    try:
        claims = jwt.decode(token, SIGNING_KEY, algorithms=["HS256"], options={"require": ["exp", "jti"]})
    except jwt.InvalidTokenError as problem:
        raise HTTPException(401, "the token is not valid") from problem
    found = await db.execute(
        select(Credential.secret_digest, Credential.revoked, Bot.api_enabled)
        .join(Bot, Bot.bot_id == Credential.bot_id)
        .where(Credential.bot_id == bot_id, Credential.token_id == claims["jti"])
    )
    row = found.one_or_none()
    if row is None or row.revoked or claims.get("botId") != bot_id:
        raise HTTPException(401, "the token is not this bot's")
    if not hmac.compare_digest(row.secret_digest, hashlib.sha256(secret.encode()).digest()):
        raise HTTPException(401, "the secret is not the token's")
    if not row.api_enabled:
        raise HTTPException(403, "the bot may not use the API")


@app.post("/api/openapi/client/point")
async def get_client_points(
    bot_id: Annotated[str, Query(alias="botId")],
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
    asked: PointsRequest,
    db: Annotated[AsyncSession, Depends(session)],
) -> PointsResponse:
    """How many points each of the clients has, in the order asked."""
    await check_caller(db, bot_id, credentials.credentials, asked.secret)
    rows = await db.execute(
        select(Client.client_id, Client.platform, Client.points).where(
            Client.bot_id == bot_id, Client.client_id.in_(asked.client_ids)
        )
    )
    found = {row.client_id: row for row in rows}
    if not found:
        raise HTTPException(404, "none of the ids is a client's")
    points = [
        ClientPoints(platform=row.platform, points=row.points, client_id=row.client_id)
        for row in map(found.get, dict.fromkeys(asked.client_ids))
        if row is not None
    ]
    return PointsResponse(success=True, message="Get client points successfully", points=points)
