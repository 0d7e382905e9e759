from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from remora import settings as environment
from remora.clock import Clock
from remora.service.installation import Installation, open_installation
from remora.settings import SqliteUrl
from tests.cast import SIGNING_KEY


@pytest.fixture(scope="session")
def make_installation(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Clock], AbstractContextManager[Installation]]:
    """Makes a fresh installation for each example of a property."""
    folder, numbers = tmp_path_factory.mktemp("installations"), itertools.count()

    @contextmanager
    def make(clock: Clock) -> Iterator[Installation]:
        path = folder / f"{next(numbers)}.db"
        shutil.copy(template, path)
        settings = replace(environment.load({}), database=SqliteUrl(path), signing_key=SIGNING_KEY)
        installation = open_installation(settings, clock)
        yield installation
        installation.close()
        path.unlink()

    return make
