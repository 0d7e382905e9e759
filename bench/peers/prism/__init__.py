"""The mock server Prism: one process of Node that answers a document's examples. Versions are pinned here, with the
hash of each package, and installed by npm into the benchmark's cache. It serves what Remora's own document says of the
source's call, and its log is silent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from bench.failure import NotRun
from bench.shop import PATH
from remora.web import routes
from remora.web.openapi import Document

PINNED = Path(__file__).parent
PATIENCE_SECONDS = 180


def command(cache: Path, folder: Path) -> list[str | Path]:
    """What starts it; the port follows. NotRun without Node, or if it cannot be installed."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        raise NotRun("there is no node with npm to run Prism with (Debian: apt-get install nodejs npm)")
    installed = cache / "prism"
    program = installed / "node_modules" / ".bin" / "prism"
    if not program.exists():
        _install(npm, installed)
    document = folder / "prism.json"
    document.write_text(json.dumps(_document()))
    return [node, program, "mock", document, "--verboseLevel", "silent", "--port"]


def _install(npm: str, where: Path) -> None:
    where.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINNED / name, where)
    try:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=where,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotRun(f"npm did not install Prism within {PATIENCE_SECONDS} seconds") from None
    if done.returncode:
        raise NotRun(f"npm could not install Prism (npm ci ended with status {done.returncode})")


def _document() -> Document:
    """The source's call alone, at the path that clients call."""
    document = routes.api_document()
    base = document["servers"][0]["url"]
    document["paths"] = {PATH: document["paths"][PATH.removeprefix(base)]}
    document["servers"] = [{"url": "/"}]
    return document


def version() -> str:
    """The one that is pinned."""
    pinned: str = json.loads((PINNED / "package.json").read_text())["dependencies"]["@stoplight/prism-cli"]
    return pinned
