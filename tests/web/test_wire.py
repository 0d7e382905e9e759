"""What workers and the writer send each other comes out as it went in, in whatever pieces it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from remora.ledger.commands import Capture, Grant, Hold, OnShortfall, Release, Reverse, Spend
from remora.model import NEVER, Entry, LotChange, Platform
from remora.service.orders import Job, Order, Outcome, Refused, Who
from remora.web import wire
from remora.web.wire import Answer, Frames, Letter

WHOLE = st.integers(-NEVER - 1, NEVER)
TEXT = st.text(max_size=20)
# Metadata are the caller's own: a number in them may be of any size.
NUMBERS = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
METADATA = st.dictionaries(
    TEXT,
    st.recursive(st.none() | st.booleans() | NUMBERS | TEXT, lambda inner: st.lists(inner, max_size=3)),
    max_size=3,
)
SAID = {"reason": st.none() | TEXT, "metadata": st.none() | METADATA}
COMMANDS = st.one_of(
    st.builds(Grant, WHOLE, st.none() | WHOLE, st.none() | WHOLE, **SAID),
    st.builds(Spend, WHOLE, **SAID),
    st.builds(Hold, WHOLE, WHOLE, **SAID),
    st.builds(Capture, WHOLE, st.none() | WHOLE),
    st.builds(Release, WHOLE),
    st.builds(Reverse, WHOLE, st.none() | WHOLE, st.sampled_from(OnShortfall), **SAID),
)
WHOM = st.builds(Who, client_id=TEXT) | st.builds(
    Who, platform=st.sampled_from(Platform), platform_client_id=TEXT, create=st.booleans()
)
ORDERS = st.builds(Order, WHOM, COMMANDS, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT)
JOBS = st.builds(Job, st.lists(ORDERS, max_size=3).map(tuple), atomic=st.booleans(), dry_run=st.booleans())
LETTERS = st.builds(Letter, WHOLE, TEXT, st.floats(allow_nan=False, allow_infinity=False), JOBS, st.none() | TEXT)
ENTRIES = st.builds(
    Entry,
    *(WHOLE, TEXT, WHOLE, WHOLE, WHOLE, WHOLE),
    st.lists(st.builds(LotChange, WHOLE, WHOLE), max_size=3).map(tuple),
    refers_to=st.none() | WHOLE,
    hash=st.binary(max_size=32),
    **SAID,
)
REFUSALS = st.builds(Refused, WHOLE, TEXT, st.none() | WHOLE, st.none() | WHOLE)
OUTCOMES = st.builds(Outcome, st.none() | TEXT, st.none() | ENTRIES, WHOLE, WHOLE, st.none() | REFUSALS, st.booleans())
ANSWERS = st.builds(Answer, WHOLE, st.none() | st.lists(OUTCOMES, max_size=3), st.none() | REFUSALS)


def cut(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """The pieces between these places."""
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    for start, end in pairwise(bounds):
        yield data[start:end]


def contents(data: bytes, places: Sequence[int]) -> list[bytes]:
    frames = Frames()
    return [content for piece in cut(data, places) for content in frames.whole(piece)]


PLACES = st.lists(st.integers(0), max_size=20)


@given(st.lists(st.lists(LETTERS, max_size=3), max_size=4), PLACES)
def test_letters_come_out_as_they_went_in_however_they_are_cut(sent: list[list[Letter]], places: list[int]) -> None:
    data = b"".join(wire.frame(letters) for letters in sent)
    assert [wire.letters(content) for content in contents(data, places)] == sent


@given(st.lists(st.lists(ANSWERS, max_size=3), max_size=4), PLACES)
def test_answers_come_out_as_they_went_in_however_they_are_cut(sent: list[list[Answer]], places: list[int]) -> None:
    data = b"".join(wire.frame(answers) for answers in sent)
    assert [wire.answers(content) for content in contents(data, places)] == sent


def test_what_comes_byte_by_byte_is_put_together_and_what_has_not_come_whole_is_waited_for() -> None:
    answers = [[Answer(number)] for number in range(3)]
    data = b"".join(map(wire.frame, answers))
    assert [wire.answers(content) for content in contents(data, range(len(data)))] == answers
    assert [wire.answers(content) for content in contents(data[:-1], [])] == answers[:-1]
