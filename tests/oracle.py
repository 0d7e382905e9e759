"""A naive ledger to compare the real one with: it remembers every event, and lives through all of them anew each time
it is asked. It knows none of the real rules' code, keeps no stored number, and never skips a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from remora.model import MAX_POINTS, MICROSECONDS_PER_SECOND, NEVER


@dataclass(frozen=True)
class Move:
    """Something that is asked for. `target` is the seq of a hold or an entry; instants are absolute."""

    kind: str
    points: int | None = None
    target: int = 0
    seconds: int = 0
    active_from: int | None = None
    expires_at: int | None = None
    take_available: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of a move: the seq, kind and points of its entry, or the refusal's name; and the figures."""

    refusal: str | None = None
    entry: tuple[int, str, int] | None = None
    available: int | None = None
    shortfall: int | None = None


class Refused(Exception):
    def __init__(self, name: str, available: int | None = None, shortfall: int | None = None) -> None:
        super().__init__(name)
        self.answer = Answer(refusal=name, available=available, shortfall=shortfall)


@dataclass
class Lot:
    points: int
    free: int
    since: int
    until: int
    held: int = 0


@dataclass
class Held:
    lots: dict[int, int]
    until: int
    open: bool = True


@dataclass
class Line:
    kind: str
    points: int
    at: int
    took: dict[int, int] = field(default_factory=dict)
    undone: dict[int, int] = field(default_factory=dict)


class Past:
    """One life of the ledger, from nothing to `time`."""

    def __init__(self) -> None:
        self.time = 0
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Held] = {}
        self.lines: list[Line] = []

    @property
    def available(self) -> int:
        return sum(lot.free for lot in self.lots.values() if lot.since <= self.time < lot.until)

    @property
    def held(self) -> int:
        return sum(sum(hold.lots.values()) for hold in self.holds.values() if hold.open)

    def wait(self, until: int) -> None:
        """Live through every moment at which anything could happen by itself."""
        while True:
            moments = [moment for lot in self.lots.values() for moment in (lot.since, lot.until)]
            moments += [hold.until for hold in self.holds.values() if hold.open]
            to_come = [moment for moment in moments if self.time < moment <= until]
            if not to_come:
                break
            self.time = min(to_come)
            self._moment()
        self.time = until

    def do(self, move: Move) -> Answer:
        """Do what is asked for, or raise Refused. What it answers with is the entry of the move's own kind."""
        if move.kind != "release" and move.points is not None and not 1 <= move.points <= MAX_POINTS:
            raise Refused("InvalidField")
        before = len(self.lines)
        shortfall = getattr(self, f"_{move.kind}")(move) or 0
        [seq] = [n for n, line in enumerate(self.lines, 1) if n > before and line.kind == move.kind]
        return Answer(None, (seq, move.kind, self.lines[seq - 1].points), self.available, shortfall)

    def _moment(self) -> None:
        for _, lot in sorted(self.lots.items()):
            if lot.since == self.time and lot.free:
                self._note("start", lot.free)
        for _, hold in sorted(self.holds.items()):
            if hold.open and hold.until == self.time:
                hold.open = False
                self._note("timeout", self._put_back(hold.lots))
        self._lose()

    def _lose(self) -> None:
        for _, lot in self._in_order():
            if lot.until <= self.time and lot.free:
                self._note("expire", -lot.free)
                lot.free = 0

    def _note(self, kind: str, points: int, took: dict[int, int] | None = None) -> int:
        self.lines.append(Line(kind, points, self.time, took or {}))
        return len(self.lines)

    def _in_order(self) -> list[tuple[int, Lot]]:
        return sorted(self.lots.items(), key=lambda each: (each[1].until, each[0]))

    def _put_back(self, lots: dict[int, int]) -> int:
        for lot_id, points in lots.items():
            self.lots[lot_id].held -= points
            self.lots[lot_id].free += points
        return sum(lots.values())

    def _check_room(self, points: int) -> None:
        if sum(lot.free + lot.held for lot in self.lots.values()) + points > MAX_POINTS:
            raise Refused("BalanceOutOfRange")

    def _grant(self, move: Move) -> None:
        assert move.points is not None
        since = max(self.time, move.active_from or 0)
        until = NEVER if move.expires_at is None else move.expires_at
        if until <= since:
            raise Refused("InvalidField")
        self._check_room(move.points)
        seq = self._note("grant", move.points if since == self.time else 0)
        self.lines[-1].took = {seq: move.points}
        self.lots[seq] = Lot(move.points, move.points, since, until)

    def _take(self, points: int) -> dict[int, int]:
        """One point at a time would be simplest of all; this is the same, lot by lot."""
        if points > self.available:
            raise Refused("InsufficientPoints", self.available)
        took: dict[int, int] = {}
        for lot_id, lot in self._in_order():
            part = min(points - sum(took.values()), lot.free if lot.since <= self.time < lot.until else 0)
            if part:
                took[lot_id] = part
                lot.free -= part
        return took

    def _spend(self, move: Move) -> None:
        assert move.points is not None
        self._note("spend", -move.points, self._take(move.points))

    def _hold(self, move: Move) -> None:
        assert move.points is not None
        took = self._take(move.points)
        for lot_id, points in took.items():
            self.lots[lot_id].held += points
        self.holds[self._note("hold", -move.points)] = Held(took, self.time + move.seconds * MICROSECONDS_PER_SECOND)

    def _open_hold(self, move: Move) -> Held:
        if move.target not in self.holds:
            raise Refused("NoSuchHold")
        if not self.holds[move.target].open:
            raise Refused("HoldEnded")
        return self.holds[move.target]

    def _capture(self, move: Move) -> None:
        hold = self._open_hold(move)
        reserved = sum(hold.lots.values())
        wanted = reserved if move.points is None else move.points
        if wanted > reserved:
            raise Refused("InsufficientPoints", reserved)
        hold.open = False
        used: dict[int, int] = {}
        for lot_id, lot in self._in_order():
            part = min(wanted - sum(used.values()), hold.lots.get(lot_id, 0))
            if part:
                used[lot_id] = part
                lot.held -= part
        self._note("capture", 0, used)
        rest = {lot_id: points - used.get(lot_id, 0) for lot_id, points in hold.lots.items()}
        if sum(rest.values()):
            self._note("release", self._put_back(rest))
            self._lose()

    def _release(self, move: Move) -> None:
        hold = self._open_hold(move)
        hold.open = False
        self._note("release", self._put_back(hold.lots))
        self._lose()

    def _reverse(self, move: Move) -> int:
        if not 1 <= move.target <= len(self.lines):
            raise Refused("NoSuchEntry")
        line = self.lines[move.target - 1]
        if line.kind not in ("grant", "spend", "capture"):
            raise Refused("NotReversible")
        left = {lot_id: points - line.undone.get(lot_id, 0) for lot_id, points in line.took.items()}
        wanted = sum(left.values()) if move.points is None else move.points
        if sum(left.values()) == 0 or wanted > sum(left.values()):
            raise Refused("AlreadyReversed", sum(left.values()))
        return self._take_back(move, line, wanted) if line.kind == "grant" else self._give_back(line, left, wanted)

    def _take_back(self, move: Move, line: Line, wanted: int) -> int:
        lot = self.lots[move.target]
        lacking = max(0, wanted - lot.free)
        if lacking and not (move.take_available and lot.free):
            raise Refused("Shortfall", lot.free, lacking)
        taken = wanted - lacking
        lot.free -= taken
        line.undone[move.target] = line.undone.get(move.target, 0) + taken
        self._note("reverse", -taken if lot.since <= self.time else 0)
        return lacking

    def _give_back(self, line: Line, left: dict[int, int], wanted: int) -> int:
        self._check_room(wanted)
        self._note("reverse", wanted)
        for lot_id, lot in reversed(self._in_order()):
            part = min(wanted, left.get(lot_id, 0))
            wanted -= part
            lot.free += part
            line.undone[lot_id] = line.undone.get(lot_id, 0) + part
        self._lose()
        return 0


class Oracle:
    """Every move that was carried out, and when."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Move]] = []
        self.written_until = 0

    def at(self, instant: int) -> Past:
        """The ledger at an instant, past or to come."""
        past = Past()
        for when, move in self.events:
            if when <= instant:
                past.wait(when)
                past.do(move)
        past.wait(instant)
        return past

    def now(self, clock: int) -> Past:
        """The ledger now. Time does not run backwards for a client, whatever the clock does."""
        return self.at(max(clock, self.written_until))

    def ask(self, clock: int, move: Move, *, dry_run: bool = False) -> Answer:
        """Do a move, unless it is refused or a dry run."""
        past = self.now(clock)
        try:
            answer = past.do(move)
        except Refused as refused:
            return refused.answer
        if not dry_run:
            self.written_until = past.time
            self.events.append((past.time, move))
        return answer

    def tidy(self, clock: int) -> None:
        """Write what came due; only then is there a later time than before that time cannot go behind."""
        if len(self.now(clock).lines) > len(self.at(self.written_until).lines):
            self.written_until = max(clock, self.written_until)
