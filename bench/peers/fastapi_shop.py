"""The tables of the FastAPI service, with the clients and the pair of a shop, so that it answers the same calls."""

from __future__ import annotations

import hashlib

import jwt
import psycopg
from sqlalchemy import create_engine

from bench.peers.fastapi_app import Table
from bench.shop import Shop, client_ids


def fill(url: str, shop: Shop, points: int = 1_000_000) -> None:
    """In an empty database."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    Table.metadata.create_all(engine)
    engine.dispose()
    token_id = jwt.decode(shop.token, options={"verify_signature": False})["jti"]
    digest = hashlib.sha256(shop.secret.encode()).digest()
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO bots VALUES (%s, true)", (shop.bot_id,))
        cursor.execute("INSERT INTO credentials VALUES (%s, %s, %s, false)", (shop.bot_id, token_id, digest))
        with cursor.copy("COPY clients (bot_id, client_id, platform, points) FROM STDIN") as copy:
            for each in client_ids(shop.clients):
                copy.write_row((shop.bot_id, each, "line", points))
        cursor.execute("VACUUM ANALYZE")
