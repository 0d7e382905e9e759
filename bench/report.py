"""The page that shows a run's results."""

from __future__ import annotations

from collections.abc import Iterator

from bench.machine import Machine
from bench.result import Met, Result, Results, Spread, spread

LARGE = 100

HEAD = """\
# Benchmarks

`make bench` wrote this page. It starts everything itself, on the loopback interface, and measures ours and theirs in
turn, so that what else the machine does falls on both. Only the ratios mean anything elsewhere.

![How far each ratio is from what was wanted](benchmarks.svg)

Figures are minimum / median / maximum of the rounds. A ratio is that of the medians, ours by theirs; after it stand the
least and the most that one round had. `met` says whether the ratio is what was wanted.

| row | work | compared with | unit | ours | theirs | ratio | rounds | wanted | met |
|---|---|---|---|---|---|---|---|---|---|
"""

SHARED = """\
wrk runs on the same machine, with one thread, and so do the databases: what is measured shares the cores with its load.

The server is `remora serve`, its log in a file, with default settings but for a rate limit that refuses nothing and
`REMORA_WORKERS`, a worker for each core. With two workers that is four processes: two answer calls, one writes what is
ordered, and one watches over them. Where there is one core, and in the rows `…-one-process` everywhere, one process
does it all. A peer that can have several processes has as many workers: the do-nothing app under Remora's own
supervisor, the FastAPI service under uvicorn's. The others are the same on any machine: raw SQLite is one thread that
has its file to itself; pgbench is one process of two threads; the three tables are used by eight processes, one for
each connection; Prism is one process of Node.

An answer that is no success makes a row fail, and before look-ups are measured one answer is looked at. PostgreSQL has
its own defaults, `fsync`, `full_page_writes` and `synchronous_commit` on, for all alike; SQLite is in WAL mode with
`synchronous=FULL`. All files are on the file system named above. Clients have one lot of points unless a row says
otherwise, and ledgers that `remora verify` finds right.
"""

COMMANDS = """\
```
make bench                                  # all rows, and this page
make bench-quick                            # shows that the judged rows work; its figures mean nothing
python -m bench --list
python -m bench --only lookup prism         # some rows, printed
python -m bench --only lookup --rounds 9 --seconds 10 --write
python -m bench --render                    # this page anew, of benchmarks.json
```
"""


def page(results: Results) -> str:
    """Markdown."""
    return "".join(
        (
            HEAD,
            *(f"{_row(each)}\n" for each in results.rows),
            f"\n{_summary(results)}\n",
            *_reasons(results.rows),
            f"\n## The machine\n\n{_machine(results.machine)}\n",
            f"\n## How it is measured\n\n{SHARED}\n",
            *(f"- `{each.name}`: {each.how}\n" for each in results.rows),
            f"\n## Commands\n\n{COMMANDS}",
        )
    )


def line(result: Result) -> str:
    """What is printed once a row is measured."""
    if not result.measured:
        return f"{result.name}: {result.met}: {result.reason}"
    wanted = f", wanted {result.wanted}" if result.wanted else ""
    return (
        f"{result.name}: {_figures(spread(result.ours))} beside {_figures(spread(result.theirs))} {result.unit}, "
        f"ratio {_ratio(result.ratio)}{wanted}: {result.met}"
    )


def _row(result: Result) -> str:
    measured = (
        (_figures(spread(result.ours)), _figures(spread(result.theirs)), _ratio(result.ratio), str(len(result.ours)))
        if result.measured
        else ("", "", "", "")
    )
    wanted = str(result.wanted) if result.wanted else "—"
    cells = (f"`{result.name}`", result.work, result.compared, result.unit, *measured, wanted, str(result.met))
    return f"| {' | '.join(cells)} |"


def _summary(results: Results) -> str:
    judged = [each for each in results.rows if each.wanted]
    met = sum(each.met is Met.YES for each in judged)
    told = f"{met} of {len(judged)} met. Run on {results.date}, rounds of {results.seconds} seconds."
    return f"{told} Some rows are of an earlier run." if results.pieced else told


def _reasons(rows: list[Result]) -> Iterator[str]:
    for each in rows:
        if each.reason:
            yield f"\n`{each.name}` has no figures: {each.reason.splitlines()[0].rstrip(':')}.\n"


def _machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb:g} GB, {machine.kernel}; {machine.file_system}, "
        f"where making 8 KB durable takes {machine.flush_ms:g} ms.\n\n{versions}."
    )


def _figures(figures: Spread) -> str:
    return " / ".join(map(figure, (figures.low, figures.median, figures.high)))


def figure(value: float) -> str:
    """Three digits that count, or all of a large number."""
    return f"{value:.3g}" if value < LARGE else f"{value:,.0f}"


def _ratio(ratio: Spread) -> str:
    return f"{figure(ratio.median)} ({figure(ratio.low)} to {figure(ratio.high)})"
