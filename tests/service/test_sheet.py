"""Reading a file: how it may be written, and what refuses it as a whole, with the line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remora.errors import ImportRefused
from remora.model import Bot
from remora.service import draft, sheet
from remora.service.cells import csv_lines, guarded, unguarded
from remora.service.draft import Row

BOT = Bot("tea", "Tea", api_enabled=True, overlap_minutes=0, expiry_policy="none", time_zone="UTC", created_at=0)
PLAIN = "platform,platformClientId\nline,U1\n"
STARTS = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]  # noqa: RUF001 (the wide ones are meant)


def read(file: bytes) -> list[Row]:
    with draft.read(io.BytesIO(file), BOT) as drafted:
        return [row for batch in drafted.batches(3) for row in batch]


def refusal(file: bytes) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(file)
    return refused.value.message


@pytest.mark.parametrize(
    "file",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.removesuffix("\n").encode(),
        b'"platform","platformClientId"\n"line","U1"\n',
        b"\nPlatform Client-ID,PLATFORM\n,\nU1,line\n,,\n",
    ],
)
def test_a_file_may_be_written_in_many_ways(file: bytes) -> None:
    [row] = read(file)
    assert (row.number, row.platform, row.platform_client_id, row.refusal) == (1, "line", "U1", None)


def test_a_quoted_cell_may_have_lines_and_the_rows_after_it_keep_their_lines() -> None:
    file = 'platform,platformClientId,metadata\nline,U1,"{""a"":\r\n\n""空""}"\nline,U2,"{"\nline,U3\n'
    found = read(file.encode())
    assert [row.line for row in found] == [2, 5, 6]
    assert found[0].metadata == {"a": "空"}
    assert (found[1].refusal or "").startswith("metadata must be a JSON object")
    assert found[2].refusal is None


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", ["empty", "platform"]),
        (b"\n,,\n", ["empty"]),
        (b"platform,platformClientId\n", ["no rows"]),
        (b"platform,platformClientId\nline,\xe9\n", ["line 2", "UTF-8", "byte 6"]),
        (PLAIN.encode("utf-16"), ["line 1", "UTF-16"]),
        (PLAIN.encode("utf-16-be"), ["line 1", "NUL"]),
        (PLAIN.encode("big5") + "line,點\n".encode("big5"), ["line 3", "UTF-8"]),
        (b"platform,platformClientId,Shoe size,x\n", ["line 1", "'Shoe size', 'x'", "known are platform,"]),
        (b"platform;platformClientId\nline;U1\n", ["parted by commas"]),
        (b"platform\nline\n", ["lacking are platformClientId"]),
        (b"platform,platformClientId,expiry,expires_at\n", ["expiresAt twice"]),
        (b'platform,platformClientId\nline,"U1"x\n', ["line 2", "not CSV"]),
        (b'platform,platformClientId\nline,U1\nline,"U2\nline,U3\n', ["line 3", "not CSV"]),
        (b'platform,platformClientId\nline,"U2\n' + b"line,U3\n" * 9000, ["65536 bytes", "quotation mark"]),
        (b"platform,platformClientId\nline," + b"U" * 70_000, ["line 2", "65536 bytes"]),
        (b"platform,platformClientId\rline,U1\r", ["line 1", "not CSV"]),
        (f"platform,platformClientId,points\nline,a,{2**53 - 1}\nline,b,1\n".encode(), ["line 3", "in all"]),
    ],
)
def test_what_makes_a_file_uncertain_refuses_it_with_the_line(file: bytes, words: list[str]) -> None:
    said = refusal(file)
    assert all(word in said for word in words), said


def test_a_refused_file_is_shown_shortened() -> None:
    assert len(refusal(b"platform,platformClientId," + b"x" * 60_000 + b"\n")) < 300


def test_a_row_may_leave_out_what_is_empty_at_its_end() -> None:
    [row] = read(b"platform,platformClientId,points,reason\nline,U1\n")
    assert (row.refusal, row.points) == (None, 0)


def test_how_far_it_has_read_is_told_in_bytes() -> None:
    seen: list[int] = []
    list(sheet.read(io.BytesIO(PLAIN.encode("utf-8-sig")), draft.COLUMNS, seen.append))
    assert seen == [29, 8]


_texts = st.text(st.sampled_from([*STARTS, "'", "a", '"', ",", "空", "|", "1"]), max_size=8)


@given(_texts)
def test_a_guarded_text_is_no_formula_and_is_read_as_it_was(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(tuple(STARTS))
    if not text.lstrip("'").startswith(tuple(STARTS)):
        assert guarded(text) == text


@given(st.lists(st.tuples(_texts, st.integers(-5, 5)), max_size=5), st.booleans())
def test_a_file_of_any_texts_is_read_back(rows: list[tuple[str, int]], bom: bool) -> None:  # noqa: FBT001 (hypothesis)
    file = b"".join(csv_lines(["text", "points"], rows, bom=bom)).decode("utf-8-sig" if bom else "utf-8")
    found = list(csv.reader(io.StringIO(file, newline=""), strict=True))
    assert [(unguarded(text), int(points)) for text, points in found[1:]] == rows
    assert "\r\n" in file
