"""The writer: the one process of a server that carries out the orders of all its workers, started by the supervisor.

Their orders share its transactions, so that a commit is waited for once, and a client whom several workers want is no
queue for a lock; and a worker's interpreter is left to its requests. A thread hears each worker, the engine's carries
out what they order, and one more answers them all.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import ExitStack, closing, suppress
from functools import partial
from queue import SimpleQueue

from remora.engine import Engine, Watch
from remora.errors import Refusal, StoreUnavailable
from remora.service import desk
from remora.service.desk import Result
from remora.service.installation import Installation
from remora.service.orders import Job, refused
from remora.settings import Settings
from remora.web import observe, server, tally, tracing, wire
from remora.web.figures import Figures
from remora.web.mailbox import too_slow
from remora.web.metrics import Metrics
from remora.web.store import ORDERS_TOGETHER
from remora.web.tracing import Tracing
from remora.web.wire import Answer, Frames
from remora.web.worker import LAST_SECONDS, READY, opened

NICE = 10
"""Where there are more processes to run than processors, those go first that answer look-ups, and the database. A
look-up beside a saturated writer waited 4 to 6 ms for the slowest in a hundred, and 6 to 9 ms without this.
"""

SEND_SECONDS = 5
"""A worker that does not take its answers for so long is hung up on: it must not keep the others waiting."""

CLOSED = object()


class Writer:
    """Hears those who connect to `listener`, and carries out what they send."""

    def __init__(
        self,
        installation: Installation,
        read: Settings,
        listener: socket.socket,
        metrics: Metrics,
        traces: Tracing | None = None,
    ) -> None:
        watches: list[Watch] = [metrics.engine("writer", read.queue_limit)]
        if traces is not None:
            watches.append(traces.batches("writer"))
        self._listener = listener
        self._callers: set[_Caller] = set()
        self._changed = threading.Condition()
        self._answered: SimpleQueue[object] = SimpleQueue()
        # The engine goes on: a worker that is woken by its answers takes the processor from whoever sent them.
        self._teller = threading.Thread(target=self._tell, name="remora-answers")
        self._teller.start()
        self._engine: Engine[Job, Result] = Engine(
            "writer",
            partial(desk.carry_out, installation, written=metrics.moved),
            weigh=lambda job: len(job.orders),
            most_waiting=read.queue_limit,
            most_together=lambda: ORDERS_TOGETHER,
            watches=watches,
            answered=partial(self._answered.put, None),
        )
        threading.Thread(target=self._accept, name="remora-accept", daemon=True).start()

    def until_alone(self, seconds: float) -> None:
        """Wait until no worker is connected any more, but not longer than that."""
        with self._changed:
            self._changed.wait_for(lambda: not self._callers, seconds)

    def close(self) -> None:
        """Carry out what was taken, and answer it."""
        self._engine.close()
        self._answered.put(CLOSED)
        self._teller.join()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            caller = _Caller(connection)
            with self._changed:
                self._callers.add(caller)
            threading.Thread(target=self._hear, args=(caller,), name="remora-caller", daemon=True).start()

    def _hear(self, caller: _Caller) -> None:
        """Queue a worker's letters until it hangs up."""
        frames = Frames()
        try:
            while data := caller.receive():
                for content in frames.whole(data):
                    for letter in wire.letters(content):
                        reply = _Reply(caller, letter.number, letter.deadline)
                        try:
                            self._engine.queue(letter.bot_id, letter.job, reply, letter.sender, wake=False)
                        except StoreUnavailable as refusal:
                            caller.tell(Answer(letter.number, refusal=refused(refusal).refusal))
                    self._engine.wake()
        finally:
            caller.close()
            with self._changed:
                self._callers.discard(caller)
                self._changed.notify_all()

    def _tell(self) -> None:
        """Send what the engine has answered, until it is closed."""
        for _ in iter(self._answered.get, CLOSED):
            for caller in list(self._callers):
                caller.flush()


class _Caller:
    """A worker's connection, and the answers that it is to be sent."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_SECONDS, 0))
        self._answers: list[Answer] = []
        self._adding = threading.Lock()
        self._sending = threading.Lock()

    def receive(self) -> bytes:
        """What the worker has sent; nothing once it is gone."""
        try:
            return self._socket.recv(wire.CHUNK_BYTES)
        except OSError:
            return b""

    def add(self, answer: Answer) -> None:
        """Have an answer sent with the next `flush`."""
        with self._adding:
            self._answers.append(answer)

    def flush(self) -> None:
        with self._sending:
            with self._adding:
                answers, self._answers = self._answers, []
            if answers:
                self._send(answers)

    def tell(self, answer: Answer) -> None:
        """Send an answer at once."""
        self.add(answer)
        self.flush()

    def close(self) -> None:
        with self._sending:
            self._socket.close()

    def _send(self, answers: list[Answer]) -> None:
        try:
            self._socket.sendall(wire.frame(answers))
        except OSError:
            # A part may have gone out, so there is no going on. Whoever hears it comes to know.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class _Reply:
    """Brings one letter's answer to its worker. See `Reply`."""

    __slots__ = ("_caller", "_deadline", "_number")

    def __init__(self, caller: _Caller, number: int, deadline: float) -> None:
        self._caller = caller
        self._number = number
        self._deadline = deadline

    def set_running_or_notify_cancel(self) -> bool:
        if time.monotonic() < self._deadline:
            return True
        self._caller.tell(Answer(self._number, refusal=refused(too_slow(begun=False)).refusal))
        return False

    def set_result(self, result: Result, /) -> None:
        if isinstance(result, Refusal):
            self.set_exception(result)
        else:
            self._caller.add(Answer(self._number, result))

    def set_exception(self, exception: BaseException, /) -> None:
        if isinstance(exception, Refusal):
            self._caller.add(Answer(self._number, refusal=refused(exception).refusal))
        else:
            observe.log.error("fault", exc_info=exception)
            self._caller.add(Answer(self._number))


def serve(installation: Installation, read: Settings, listener: socket.socket, lifeline: socket.socket) -> None:
    """Carry orders out until told to stop, or until the supervisor is gone; then until the last worker is."""
    with ExitStack() as stack:
        metrics = Metrics(tally.opened(read.metrics_dir))
        stack.callback(metrics.tally.close)
        if (traces := tracing.start(os.environ)) is not None:
            stack.callback(traces.close)
        stack.enter_context(closing(Figures(metrics, installation.database)))
        writer = stack.enter_context(closing(Writer(installation, read, listener, metrics, traces)))
        server.attune()
        with suppress(OSError):  # the supervisor is gone
            lifeline.send(READY)
            lifeline.recv(1)
        writer.until_alone(LAST_SECONDS)


def main() -> None:
    """Carry out orders of the installation that the environment names."""
    observe.configure_logging()
    os.nice(NICE)  # before there are other threads: each inherits it from the one that starts it
    # A service manager signals the whole group, and workers have still to finish what they have begun.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    read, installation = opened("writer")
    listener, lifeline = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
    with closing(installation):
        serve(installation, read, listener, lifeline)


if __name__ == "__main__":
    main()
