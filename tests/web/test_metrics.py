"""`GET /metrics`: what it says of requests, batches and limits. See also test_metrics_told.py."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

import httpx
import pytest
from msgspec.structs import replace

import remora
from remora.engine import Engine
from remora.errors import StoreUnavailable
from remora.service.installation import Installation
from remora.settings import Secret, Settings
from remora.settings import rate as parse_rate
from remora.web import routes
from remora.web.families import BATCH_ITEMS, ITEMS
from remora.web.metrics import Metrics
from remora.web.tally import Tally
from tests.cast import POINT, TOKEN, Api, Shop
from tests.scraped import Scraped, scrape

ITEMS_CELLS = BATCH_ITEMS.size

Serve = Callable[[Installation, Settings], Api]


@pytest.fixture
def generous(serve: Serve, installation: Installation, settings: Settings) -> Api:
    """With limits beyond what a test sends."""
    return serve(installation, replace(settings, rate_limit=parse_rate("1000000/minute")))


def requests(found: Scraped) -> dict[tuple[str, ...], float]:
    """How many, by route, method, status and code."""
    return {
        tuple(each.labels[label] for label in ("route", "method", "status", "code")): each.value
        for each in found.find("remora_requests_total")
    }


def test_requests_are_counted_by_route_method_status_and_code(api: Api, shop: Shop) -> None:
    client_id = shop.client(5)
    for _ in range(3):
        api.look_up(shop, clientIds=[client_id])
    api.look_up(shop, clientIds=["nobody"])
    api.post(POINT, shop, {}, token="bad")
    api.http.get(POINT)
    api.ledger(shop, "spend", "k1", clientId=client_id, points=6)
    api.http.get("/healthz")
    assert requests(scrape(api.http)) == {
        (POINT, "POST", "200", ""): 3,
        (POINT, "POST", "404", "37011"): 1,
        (POINT, "POST", "401", "1004"): 1,
        (POINT, "GET", "405", "405"): 1,
        (f"{POINT}/spend", "POST", "409", "900006"): 1,
        ("/healthz", "GET", "200", ""): 1,
    }


def test_look_ups_are_counted_by_bot_and_status_if_there_is_the_bot(api: Api, shop: Shop, rival: Shop) -> None:
    client_id = shop.client(5)
    for _ in range(3):
        api.look_up(shop, clientIds=[client_id])
    api.look_up(rival, clientIds=[client_id])
    api.post(POINT, shop, {"clientIds": [client_id]}, bot_id="nobot")
    api.post(POINT, shop, {"clientIds": [client_id]}, bot_id=rival.bot_id)
    api.post(POINT, shop, {}, token="bad")
    api.ledger(shop, "spend", "k1", clientId=client_id, points=1)
    found = scrape(api.http).find("remora_lookups_total")
    assert {(each.labels["bot"], each.labels["status"]): each.value for each in found} == {
        (shop.bot_id, "200"): 3,
        (rival.bot_id, "404"): 1,
        (rival.bot_id, "403"): 1,
    }


def test_a_scrape_counts_itself_for_the_next_one(api: Api) -> None:
    scrape(api.http)
    assert requests(scrape(api.http)) == {("/metrics", "GET", "200", ""): 1}


def test_what_a_caller_can_invent_becomes_no_label(api: Api, shop: Shop) -> None:
    secret = "U1c0ffee"
    for number in range(20):
        api.http.get(f"/nowhere/{secret}/{number}?{secret}={number}", headers={"x-request-id": secret})
        api.http.request("PROPFIND", f"/{number}")
        api.http.request("REPORT", POINT)
        api.post(POINT, None, {"clientIds": [secret]}, bot_id=f"{secret}{number}", token=secret)
    api.look_up(shop, clientIds=[secret])
    found = scrape(api.http)
    assert requests(found) == {
        ("unknown", "GET", "404", "404"): 20,
        ("unknown", "other", "404", "404"): 20,
        (POINT, "other", "405", "405"): 20,
        (POINT, "POST", "401", "1004"): 20,
        (POINT, "POST", "404", "37011"): 1,
    }
    assert not [each for each in found.samples if secret in str(each)]


def test_each_label_of_a_route_is_a_route(api: Api, shop: Shop) -> None:
    api.look_up(shop, clientIds=[shop.client(1)])
    api.exchange(shop)
    for path in ("/readyz", "/api/docs", "/metrics", "/api"):
        api.http.get(path)
    found = set(scrape(api.http).values("route", "remora_requests_total"))
    assert found == {POINT, TOKEN, "/readyz", "/api/docs", "/metrics", "unknown"}
    assert found - {"unknown"} <= {route.path for route in routes.every()}


def test_times_are_counted_in_buckets_by_route(api: Api, shop: Shop) -> None:
    client_id = shop.client(1)
    for _ in range(7):
        api.look_up(shop, clientIds=[client_id])
    found = scrape(api.http)
    buckets = [each.value for each in found.find("remora_request_seconds_bucket", route=POINT)]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found.total("remora_request_seconds_count", route=POINT) == 7
    bounds = [each.labels["le"] for each in found.find("remora_request_seconds_bucket", route=POINT)]
    assert (bounds[0], bounds[-2:]) == ("0.0001", ["10.0", "+Inf"])
    assert 0 < found.total("remora_request_seconds_sum", route=POINT) < 7 * 10


def test_a_time_is_in_each_bucket_that_it_fits_in(api: Api) -> None:
    api.http.get("/healthz")
    found = scrape(api.http)
    seconds = found.total("remora_request_seconds_sum", route="/healthz")
    for each in found.find("remora_request_seconds_bucket", route="/healthz"):
        assert each.value == (seconds <= float(each.labels["le"]))


def test_totals_are_exact_when_many_ask_at_once(generous: Api, shop: Shop) -> None:
    client_id = shop.client()
    together = threading.Barrier(8)

    def ask(own: int) -> None:
        with httpx.Client(base_url=generous.http.base_url) as http:
            api = Api(http)
            together.wait()
            for number in range(125):
                assert api.ledger(shop, "grant", f"k{own}-{number}", clientId=client_id, points=3).status_code == 200
                if number % 5 == 0:
                    assert api.look_up(shop, clientIds=[client_id]).status_code == 200

    threads = [threading.Thread(target=ask, args=(own,)) for own in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = scrape(generous.http)
    assert requests(found) == {(f"{POINT}/grant", "POST", "200", ""): 1_000, (POINT, "POST", "200", ""): 200}
    assert found.total("remora_points_total", bot=shop.bot_id, kind="granted") == 3_000
    assert found.total("remora_batch_items_sum", engine="writer") == 1_000
    batches = found.total("remora_batch_items_count", engine="writer")
    assert found.total("remora_batch_seconds_count", engine="writer") == batches <= 1_000


def test_a_batch_is_measured_by_its_orders(api: Api, shop: Shop) -> None:
    client_id = shop.client()
    grants = [{"kind": "grant", "key": f"k{number}", "clientId": client_id, "points": 1} for number in range(7)]
    assert api.ledger(shop, "batch", operations=grants).json()["success"]
    found = scrape(api.http)
    assert found.total("remora_batch_items_sum", engine="writer") == 7
    assert found.values("le", "remora_batch_items_bucket", engine="writer")["5.0"] == 0
    assert found.values("le", "remora_batch_items_bucket", engine="writer")["10.0"] == 1
    assert found.total("remora_batch_seconds_sum", engine="writer") > 0


def test_what_waits_and_may_wait_is_told(serve: Serve, installation: Installation, settings: Settings) -> None:
    api = serve(installation, replace(settings, queue_limit=123))
    found = scrape(api.http)
    [depth] = found.find("remora_queue_depth", engine="writer")
    [limit] = found.find("remora_queue_limit", engine="writer")
    assert (depth.value, limit.value) == (0, 123)


def test_the_depth_is_what_waits_behind_what_is_carried_out() -> None:
    tally = Tally()
    begun, let_go = threading.Event(), threading.Event()

    def carry_out(_: str, items: Sequence[int]) -> list[int]:
        begun.set()
        assert let_go.wait(30)
        return list(items)

    def depth() -> float:
        return tally.cells(("remora_queue_depth", "slow"), 1)[0]

    watch = Metrics(tally).engine("slow", 100)
    engine = Engine("slow", carry_out, weigh=int, most_waiting=100, most_together=lambda: 50, watches=[watch])
    first = engine.submit("teaShop01", 4)
    assert begun.wait(30)
    others = [engine.submit("teaShop01", weight) for weight in (20, 30, 40)]
    assert depth() == 90
    let_go.set()
    assert [each.result(30) for each in (first, *others)] == [4, 20, 30, 40]
    engine.close()
    assert depth() == 0
    items = tally.cells(("remora_batch_items", "slow"), ITEMS_CELLS)
    # 4; then 20 and 30 together, for 50 may go together; then 40.
    assert items[ITEMS.index(5)] == 1
    assert items[ITEMS.index(50)] == 2
    assert items[-1] == 94


def test_a_transaction_that_fails_is_measured_too() -> None:
    tally = Tally()

    def carry_out(_: str, items: Sequence[int]) -> list[int]:
        raise StoreUnavailable(f"away for all {len(items)}")

    engine = Engine(
        "away",
        carry_out,
        weigh=int,
        most_waiting=9,
        most_together=lambda: 9,
        watches=[Metrics(tally).engine("away", 9)],
    )
    with pytest.raises(StoreUnavailable):
        engine.submit("teaShop01", 1).result(30)
    engine.close()
    assert tally.cells(("remora_batch_items", "away"), ITEMS_CELLS)[-1] == 1


def test_requests_over_a_limit_are_counted_by_policy(
    serve: Serve, installation: Installation, settings: Settings, shop: Shop
) -> None:
    strict = replace(settings, rate_limit=parse_rate("2/hour"), failed_auth_limit=parse_rate("1/hour"))
    api = serve(installation, strict)
    for _ in range(5):
        api.look_up(shop, clientIds=["nobody"])
        api.post(POINT, shop, {}, token="bad")
    assert scrape(api.http).values("policy", "remora_rate_limited_total") == {"bot": 3, "failed-auth": 4}


def test_how_often_redis_was_away_is_counted_once(
    serve: Serve, installation: Installation, settings: Settings, shop: Shop
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    api = serve(installation, replace(settings, redis_url=Secret(f"redis://127.0.0.1:{port}")))
    assert scrape(api.http).total("remora_limiter_away_total") == 0
    assert api.look_up(shop, clientIds=[shop.client(1)]).status_code == 200
    failures = scrape(api.http).total("remora_limiter_away_total")
    assert failures >= 1
    assert scrape(api.http).total("remora_limiter_away_total") == failures


def test_the_process_is_measured(api: Api) -> None:
    found = scrape(api.http)
    [memory] = found.find("process_resident_memory_bytes")
    assert memory.labels == {"worker": "0"}
    assert 10e6 < memory.value < 10e9
    before = found.total("process_cpu_seconds_total")
    assert 0 < before <= scrape(api.http).total("process_cpu_seconds_total")
    assert 0 < found.total("process_open_fds") < found.total("process_max_fds")
    assert found.total("process_start_time_seconds") > 1.6e9


def test_the_version_and_readiness_are_told(api: Api, installation: Installation) -> None:
    found = scrape(api.http)
    assert found.values("version", "remora_build_info") == {remora.__version__: 1}
    assert found.total("remora_ready") == 1
    with installation.database.write() as tx:
        tx.script("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'x', 0);")
    assert scrape(api.http).total("remora_ready") == 0


def test_two_applications_in_one_process_count_apart(
    serve: Serve, installation: Installation, settings: Settings
) -> None:
    serve(installation, settings).http.get("/healthz")
    assert requests(scrape(serve(installation, settings).http)) == {}
