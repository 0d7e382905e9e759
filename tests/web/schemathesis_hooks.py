"""Lets the requests that schemathesis makes through the door: with a bot and a secret that are known, where it has
put any text. What it leaves out or mistypes on purpose stays as it is."""

from __future__ import annotations

import os
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 (the hook's signature)
    if isinstance(case.query, dict) and isinstance(case.query.get("botId"), str):
        case.query["botId"] = os.environ["KNOWN_BOT_ID"]
    if isinstance(case.body, dict) and isinstance(case.body.get("secret"), str):
        case.body["secret"] = os.environ["KNOWN_SECRET"]
