"""What a worker and the writer say to each other: letters one way, answers the other, many of them in a frame.

Both are processes of one server and of one installed version (see `supervisor`), so that nothing here has to be
understood by another. A frame is the length of its content, and the content: a list in JSON, for metadata is the
caller's own, and a number in it may be larger than MessagePack has room for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from remora.service.orders import Job, Outcome, Refused

CHUNK_BYTES = 256 * 1024
"""So much is taken from a socket at once."""

_LENGTH = struct.Struct("=I")


class Letter(Struct, array_like=True, frozen=True):
    """A bot's job. `number` is its worker's, and comes back with the answer. It is not begun after `deadline`, in
    seconds of the machine's monotonic clock. `sender` is the trace that it belongs to, where there is one.
    """

    number: int
    bot_id: str
    deadline: float
    job: Job
    sender: str | None = None


class Answer(Struct, array_like=True, frozen=True):
    """What came of a letter: an outcome for each of its orders, or the refusal of them all. Neither of them is there
    after a fault of ours, which is in the writer's log.
    """

    number: int
    outcomes: list[Outcome] | None = None
    refusal: Refused | None = None


_encode = msgspec.json.Encoder().encode
letters = msgspec.json.Decoder(list[Letter]).decode
answers = msgspec.json.Decoder(list[Answer]).decode


def frame(content: Sequence[Letter] | Sequence[Answer]) -> bytes:
    """Letters or answers, as they are sent."""
    encoded = _encode(content)
    return _LENGTH.pack(len(encoded)) + encoded


class Frames:
    """Puts together again what comes from a socket in pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def whole(self, piece: bytes) -> Iterator[bytes]:
        """The contents of those frames that are whole with this piece."""
        data, start = self._rest + piece, 0
        while len(data) - start >= _LENGTH.size:
            [length] = _LENGTH.unpack_from(data, start)
            end = start + _LENGTH.size + length
            if end > len(data):
                break
            yield data[start + _LENGTH.size : end]
            start = end
        self._rest = data[start:]
