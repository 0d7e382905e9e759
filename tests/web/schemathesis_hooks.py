"""Lets the requests that schemathesis makes through the door: with a bot and a secret that are known, where it has
put any text. What it leaves out or mistypes on purpose stays as it is."""

from __future__ import annotations

import os
from typing import Any

import schemathesis


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: Any) -> Any:  # noqa: ARG001 (the hook's signature)
    if isinstance(query, dict) and isinstance(query.get("botId"), str):
        query["botId"] = os.environ["KNOWN_BOT_ID"]
    return query


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:  # noqa: ARG001 (the hook's signature)
    if isinstance(body, dict) and isinstance(body.get("secret"), str):
        body["secret"] = os.environ["KNOWN_SECRET"]
    return body
