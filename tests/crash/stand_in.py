"""What stands in for the writer of workers that send it nothing: it says that it is ready, and ends when told to."""

from __future__ import annotations

import signal
import socket
import sys

READY = b"r"
"""See `remora.web.worker`, which takes long to load."""


if __name__ == "__main__":
    # As the writer does: a signal to the whole group is not for it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    lifeline = socket.socket(fileno=int(sys.argv[-1]))
    lifeline.send(READY)
    # A word of the supervisor's, or its end.
    lifeline.recv(1)
