"""Tools that others wrote read our document, and find that the server keeps it."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from remora.service.installation import Installation
from remora.settings import Settings
from remora.settings import rate as parse_rate
from remora.web import documents, routes
from tests.cast import Api, Shop, open_shop
from tests.stores import only

BIN = Path(sys.executable).parent

# All checks, but for two places where the schema says less than the call does, as the source's document has it:
# that one way or the other of naming clients is needed stands in words; and a batch takes an operation that is wrong,
# and refuses that one alone.
SCHEMATHESIS = """
[checks]
positive_data_acceptance.enabled = false

[[operations]]
include-path = "/openapi/client/point/batch"
checks.negative_data_rejection.enabled = false
"""


@only("sqlite", why="it is about the document; test_any_request.py and test_bad_bodies.py ask both stores anything")
def test_schemathesis_finds_no_answer_that_the_document_does_not_have(
    serve: Callable[[Installation, Settings], Api], installation: Installation, settings: Settings, tmp_path: Path
) -> None:
    plenty = parse_rate("1000000/hour")
    api = serve(installation, replace(settings, rate_limit=plenty, failed_auth_limit=plenty))
    # An overlap, so that the exchanges it makes do not lock it out.
    shop = open_shop(installation, "fuzzedBot", overlap_minutes=1440)
    for client_id in ("0", "VolejRejN"):
        shop.client(5, client_id=client_id, platform_client_id=client_id)
    (tmp_path / "schemathesis.toml").write_text(SCHEMATHESIS)
    done = subprocess.run(
        [
            BIN / "schemathesis",
            "run",
            f"{api.http.base_url}/api/openapi.json",
            "--url",
            f"{api.http.base_url}/api",
            "--header",
            f"Authorization: Bearer {shop.token}",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=40",
            "--seed=1",
            "--generation-deterministic",
            "--no-color",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent),
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
            "KNOWN_BOT_ID": shop.bot_id,
            "KNOWN_SECRET": shop.secret,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Operations" in done.stdout


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a client package that openapi-python-client has made from our document."""
    document, config = tmp_path / "openapi.json", tmp_path / "config.json"
    document.write_text(documents.as_text(routes.api_document()))
    config.write_text(json.dumps({"post_hooks": [], "package_name_override": "generated_points_client"}))
    subprocess.run(
        [
            str(BIN / "openapi-python-client"),
            "generate",
            f"--path={document}",
            f"--config={config}",
            f"--output-path={tmp_path / 'generated_points_client'}",
            "--meta=none",
            "--fail-on-warning",
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "generated_points_client"


@only("sqlite", why="it is about the document")
def test_a_generated_client_can_make_the_call(api: Api, shop: Shop, generated: str) -> None:
    client_id = shop.client(42)
    client = importlib.import_module(generated).AuthenticatedClient(
        base_url=f"{api.http.base_url}/api", token=shop.token
    )
    call = importlib.import_module(f"{generated}.api.client_points.client_point")
    models = importlib.import_module(f"{generated}.models")
    request = models.ClientPointsRequest(
        secret=shop.secret,
        client_ids=[client_id],
        platform=models.Platform.LINE,
        platform_client_ids=["U1"],
    )
    with client:
        answer = call.sync(client=client, bot_id=shop.bot_id, body=request)
        refusal = call.sync(client=client, bot_id="nobody", body=request)
    assert [(row.platform, row.points) for row in answer.points] == [("line", 42), ("line", 42)]
    assert refusal.err_response.code == 5001
