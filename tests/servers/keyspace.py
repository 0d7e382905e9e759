"""A numbered database of a Redis server, be it the tests' own or an outside one."""

from __future__ import annotations

from urllib.parse import urlsplit

from redis import Redis

CLAIM = "remora-test-claim"


class Keyspace:
    """The first database of the server that is empty, claimed by a key. Only what is in it is ever removed: who
    lends us a server may keep data in the others.
    """

    def __init__(self, url: str) -> None:
        """A URL of the server, without a database."""
        parts = urlsplit(url)
        assert parts.path in ("", "/"), "the URL must not name a database: an empty one is looked for"
        self._redis, number = claim(url)
        self.url = parts._replace(path=f"/{number}").geturl()

    def clear(self) -> None:
        """Remove all but the claim."""
        with self._redis.pipeline() as both:
            both.flushdb()
            both.set(CLAIM, "")
            both.execute()

    def close(self) -> None:
        self._redis.flushdb()
        self._redis.close()


def claim(url: str) -> tuple[Redis, int]:
    """The client of an empty database, and its number."""
    with Redis.from_url(url) as server:
        count = int(server.config_get("databases")["databases"])
    for number in range(count):
        redis = Redis.from_url(url, db=number)
        if redis.set(CLAIM, "", nx=True):
            if redis.dbsize() == 1:
                return redis, number
            redis.delete(CLAIM)
        redis.close()
    raise RuntimeError("none of the server's databases is empty")
