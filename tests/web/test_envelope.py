"""Whatever is not a success comes in the envelope, with a request id, and tells nothing of the inside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from remora import errors
from remora.service.installation import Installation, open_installation
from remora.settings import Settings
from remora.web.errors import STATUS
from tests.backdoor import BackDoor
from tests.cast import POINT, TOKEN, Api, Shop, refused
from tests.log_lines import request_line


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/openapi", POINT + "/", "/openapi/client/point", "/%00", "/api/openapi/gift"]
)
def test_an_unknown_path_is_404(api: Api, path: str) -> None:
    assert refused(api.http.post(path)) == (404, 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", [POINT, TOKEN])
def test_a_wrong_method_is_405_and_says_which_is_right(api: Api, method: str, path: str) -> None:
    answer = api.http.request(method, path)
    assert refused(answer) == (405, 405)
    assert answer.headers["allow"] == "POST"


def test_every_answer_has_a_request_id_of_its_own(api: Api, shop: Shop) -> None:
    ids = {api.look_up(shop, clientIds=["a"]).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_request_id_that_the_caller_gives_is_kept(api: Api) -> None:
    assert api.http.get("/healthz", headers={"x-request-id": "order-17.a"}).headers["x-request-id"] == "order-17.a"


@pytest.mark.parametrize("given", [b"has space", b"a" * 65, b'"quoted"', b"\xe9"])
def test_a_request_id_that_could_do_harm_is_replaced(api: Api, given: bytes) -> None:
    answer = api.http.get("/healthz", headers=[(b"x-request-id", given)])
    assert answer.headers["x-request-id"].encode() != given
    assert len(answer.headers["x-request-id"]) == 16


def test_a_fault_of_ours_is_500_and_tells_only_the_request_id(
    serve: Callable[[Installation, Settings], Api],
    installation: Installation,
    settings: Settings,
    shop: Shop,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with installation.database.write() as tx:
        tx.script("ALTER TABLE clients RENAME TO elsewhere;")
    with capture_logs() as lines:
        answer = serve(installation, settings).look_up(shop, clientIds=["a"])
    assert refused(answer) == (500, 500)
    message = answer.json()["errResponse"]["message"]
    assert answer.headers["x-request-id"] in message
    assert "clients" not in message
    assert [line["event"] for line in lines] == ["fault"]
    written = request_line(capfd)
    assert written["code"] == 500
    assert shop.secret not in repr([*lines, written])


def test_a_store_that_is_too_busy_is_503_with_retry_after_and_nothing_is_done(
    serve: Callable[[Installation, Settings], Api],
    installation: Installation,
    settings: Settings,
    back_door: BackDoor,
    shop: Shop,
) -> None:
    client_id = shop.client(1)
    settings = replace(settings, database_timeout_seconds=1)
    impatient = open_installation(settings, installation.clock)
    api = serve(impatient, settings)
    with back_door.busy():
        answer = api.exchange(shop)
        assert refused(answer) == (503, 503)
        assert answer.headers["retry-after"] == "1"
        assert api.look_up(shop, clientIds=[client_id]).status_code == 200, "a reader waits for no writer"
    assert api.exchange(shop).status_code == 200
    impatient.close()


def test_every_kind_of_refusal_has_a_status_and_a_code_of_its_own() -> None:
    kinds = errors.kinds()
    assert set(STATUS) == set(kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert errors.revive(37011, "again").message == "again"
