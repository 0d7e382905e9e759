"""`remora import` and `remora export`: reports, status, files that are whole or not there."""

from __future__ import annotations

import csv
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import REMORA, Shell
from tests.stores import only

FILE = "platform,platformClientId,points,reason\nline,U1,100,=1+1\nline,-U2,5,\nline,U3,x,\n"


@pytest.fixture
def file(shell: Shell, tmp_path: Path) -> Path:
    """A file with a bad row, for the bot `tea`."""
    shell.ok("bot", "create", "Tea shop", "--bot-id", "tea")
    path = tmp_path / "clients.csv"
    path.write_text(FILE)
    return path


def report(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf"), "a spreadsheet sees that it is UTF-8"
    return list(csv.DictReader(text.decode("utf-8-sig").splitlines()))


def test_it_is_looked_at_then_confirmed_then_listed_then_undone(shell: Shell, file: Path, tmp_path: Path) -> None:
    dry = shell.run("import", "clients", str(file), "tea")
    assert dry.returncode == 1, "a row is refused"
    assert "Nothing was written" in dry.stdout
    assert "105 points will be granted" in dry.stdout
    assert shell.json("client", "list", "tea")["clients"] == []
    told = report(tmp_path / "clients.report.csv")
    assert [(row["line"], row["verdict"]) for row in told] == [("2", "new"), ("3", "new"), ("4", "refused")]
    assert told[1]["platformClientId"] == "'-U2", "no cell is a formula"
    assert "points must be" in told[2]["detail"]
    assert stat.S_IMODE((tmp_path / "clients.report.csv").stat().st_mode) == 0o600
    out = tmp_path / "out.csv"
    done = shell.run("import", "clients", str(file), "tea", "--confirm", "--report", str(out))
    assert (done.returncode, done.stderr) == (1, "")
    assert "105 points were granted" in done.stdout
    assert report(out)[0]["entryId"] == f"{report(out)[0]['clientId']}-1"
    again = shell.run("import", "clients", str(file), "tea", "--confirm", "--report", str(out), "--json")
    counts = json.loads(again.stdout)
    assert (counts["unchanged"], counts["new"], counts["refused"], counts["points"]) == (2, 0, 1, 0)
    import_id = counts["importId"]
    assert import_id in shell.ok("import", "list", "tea")
    undone = tmp_path / "undone.csv"
    assert "105 points were taken back (rows: 2)" in shell.ok(
        "import", "undo", "tea", import_id, "--report", str(undone)
    )
    assert [row["taken"] for row in report(undone)] == ["100", "5"]
    [listed] = shell.json("import", "list", "tea")["imports"]
    assert (listed["state"], listed["file"], listed["taken"]) == ("undone", "clients.csv", 105)
    assert len(shell.json("client", "list", "tea")["clients"]) == 2, "clients stay"


def test_a_file_without_fault_ends_with_status_0(shell: Shell, file: Path) -> None:
    file.write_text("platform,platformClientId\nline,U1\n")
    assert shell.json("import", "clients", str(file), "tea")["new"] == 1
    assert shell.json("import", "clients", str(file), "tea", "--confirm")["confirmed"] is True


def test_refusals_are_told_and_leave_no_report(shell: Shell, file: Path, tmp_path: Path) -> None:
    assert shell.refused("import", "clients", str(file), "nobody") == 5001
    assert shell.refused("import", "list", "nobody") == 5001
    assert shell.refused("import", "undo", "tea", "none") == 900026
    file.write_bytes(b"\xff\xfe")
    assert shell.refused("import", "clients", str(file), "tea") == 900025
    assert [path.name for path in tmp_path.glob("*.csv")] == ["clients.csv"]
    assert shell.run("import", "clients", str(file), "tea", "--report", str(file)).returncode == 2
    assert shell.run("import", "clients", str(tmp_path / "none.csv"), "tea").returncode == 2
    file.write_text(FILE)
    nowhere = shell.run("import", "clients", str(file), "tea", "--confirm", "--report", str(tmp_path / "no" / "r.csv"))
    assert nowhere.returncode == 1
    assert "cannot be written" in nowhere.stderr
    assert shell.json("import", "list", "tea")["imports"] == [], "nothing is done whose report could not be had"


def test_a_long_one_tells_how_far_it_is_where_there_is_no_terminal(shell: Shell, file: Path) -> None:
    file.write_text("platform,platformClientId\n" + "".join(f"line,U{number}\n" for number in range(10_000)))
    told = shell.run("import", "clients", str(file), "tea").stderr.splitlines()
    assert "checking: 1,000 of 10,000 rows" in told
    assert "checking: 10,000 of 10,000 rows" in told
    assert len([line for line in told if line.startswith("checking")]) == 10


def test_clients_and_journal_are_exported(shell: Shell, file: Path, tmp_path: Path) -> None:
    shell.run("import", "clients", str(file), "tea", "--confirm")
    out = tmp_path / "clients-out.csv"
    assert shell.ok("export", "clients", "tea", "--output", str(out), "--bom") == ""
    assert sorted((row["platformClientId"], row["points"]) for row in report(out)) == [("'-U2", "5"), ("U1", "100")]
    lines = shell.ok("export", "clients", "tea", "--format", "jsonl").splitlines()
    assert {json.loads(line)["platformClientId"] for line in lines} == {"U1", "-U2"}
    assert shell.ok("export", "clients", "tea", "--at", "2020-01-01T00:00:00Z").count("\n") == 1
    assert shell.ok("export", "tea") == shell.ok("export", "journal", "tea")
    assert "'=1+1" in shell.ok("export", "journal", "tea", "--format", "csv")
    assert shell.run("export", "tea", "--bom").returncode == 2
    for words in (("export", "clients", "nobody"), ("export", "journal", "nobody", "--output", str(tmp_path / "j"))):
        assert "5001" in shell.run(*words).stderr
    assert not (tmp_path / "j").exists()
    assert shell.ok("export", "tea", "--output", "/dev/stdout") == shell.ok("export", "tea"), "no device is replaced"
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.is_file()) == [".csv", ".csv", ".csv"]


PEAK = """
import resource, sys
from remora.cli import main
try:
    main(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@only("sqlite", why="the file is read and gone through in the same way; where the rows go to makes no difference")
def test_it_takes_the_same_memory_for_few_rows_and_for_many(shell: Shell, file: Path, tmp_path: Path) -> None:
    peaks = []
    for count in (4_000, 40_000):
        shell.ok("bot", "create", "Tea shop", "--bot-id", f"tea{count}")
        header = "platform,platformClientId,clientId,points,reason\n"
        file.write_text(header + "".join(f"line,{'U' * 30}{n},own{n},1,welcome\n" for n in range(count)))
        words = ("import", "clients", str(file), f"tea{count}", "--confirm", "--report", str(tmp_path / "report.csv"))
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *words],
            env=shell.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        peaks.append(int(done.stderr.split()[-1]))
    # Kilobytes; the larger file alone has 2,000, and its rows as objects many times that.
    assert peaks[1] - peaks[0] < 8_000, peaks


def test_a_reader_that_has_enough_is_no_fault(shell: Shell, file: Path) -> None:
    shell.run("import", "clients", str(file), "tea", "--confirm")
    done = subprocess.run(
        ["bash", "-c", '"$0" export clients tea | head -n 1', REMORA],
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("platform,")
    assert "Traceback" not in done.stderr
