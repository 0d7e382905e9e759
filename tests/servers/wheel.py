"""Where an installed package lies."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def folder_of(package: str) -> Path:
    """Its folder, found without the import of it: those whose programs we run take half a second and warn."""
    found = find_spec(package)
    assert found is not None, f"{package} is not installed"
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])
