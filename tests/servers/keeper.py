"""The parent of a server's processes, which lets none of them outlive the tests, however those end.

A script, started by `tests.servers.process`, which holds the other end of its standard input. When that end
closes, on purpose or because the tests were killed, all the keeper's descendants are killed. A signal at the
death of the parent would not do: it is tied to the thread that started the server rather than to the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import subprocess
import sys
import threading

import psutil

PR_SET_CHILD_SUBREAPER = 36


def main(folder: str, user: str, *command: str) -> int:
    """Run the command in the folder as the user, print its process id, and wait for it and all that it started.
    The answer is its status as a shell has it.

    Standard input that closes without a word means that nobody will come back: then the folder goes, too.
    """
    # What a killed server leaves behind becomes ours, to be killed and waited for.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    server = run(command, folder, user)
    sys.stdout.write(f"{server.pid}\n")
    sys.stdout.flush()
    told: list[bytes] = []

    def listen() -> None:
        told.append(os.read(0, 100))  # not `sys.stdin`, whose lock would be in the way of our own end
        kill_descendants()

    threading.Thread(target=listen, daemon=True).start()
    status = 0
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, ended = os.wait()
            if pid == server.pid:
                status = os.waitstatus_to_exitcode(ended)
            if told:  # what was born while we killed
                kill_descendants()
    if told == [b""]:
        shutil.rmtree(folder, ignore_errors=True)  # another keeper may be at it, too
    return status if status >= 0 else 128 - status


def run(command: tuple[str, ...], folder: str, user: str) -> subprocess.Popen[bytes]:
    """Start it with no environment of ours. Its output goes to where our errors go."""
    root = os.geteuid() == 0
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=2,
        cwd=folder,
        env={"LC_ALL": "C"},
        user=user if root else None,
        group=pwd.getpwnam(user).pw_gid if root else None,
        extra_groups=[] if root else None,
    )


def kill_descendants() -> None:
    """All at one moment: they stand still first, so that none can act on the end of another."""
    processes = psutil.Process().children(recursive=True)
    for act in (psutil.Process.suspend, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                act(process)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
