"""The two probes."""

from __future__ import annotations

from remora.service.installation import Installation
from tests.cast import Api, refused


def test_a_process_that_answers_is_alive(api: Api) -> None:
    assert api.http.get("/healthz").json() == {"status": "ok"}


def test_a_database_that_fits_is_ready(api: Api) -> None:
    answer = api.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_a_database_that_does_not_fit_is_not_ready_but_alive(api: Api, installation: Installation) -> None:
    with installation.database.write() as tx:
        tx.script("INSERT INTO schema_migrations VALUES (9999, 'from_the_future', 'x', 0);")
    assert refused(api.http.get("/readyz")) == (503, 900005)
    assert api.http.get("/healthz").status_code == 200
