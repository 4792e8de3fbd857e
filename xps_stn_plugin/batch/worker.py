"""A process that works for a batch: tasks come through its standard input, records go through its standard output.

The first message (`messages`) says what the batch was started with; the answer to it is None, or an error where this
process would do something else.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
from typing import IO, Any, Final

from xps_prefit_hooks import PrefitError

from .engines import check_identity, record_of_task
from .messages import receive, send

#: Seconds beyond its time after which a process ends itself: the one that it works for ends it before, if it lives.
_GRACE: Final = 60.0


def main() -> None:
    """Work until the standard input ends."""
    # Ctrl-C is for the process that this one works for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    inbox, outbox = _streams()
    messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox, messages), daemon=True).start()

    identity, limit = messages.get()
    try:
        check_identity(identity)
    except PrefitError as error:
        send(outbox, error)
        return
    send(outbox, None)
    while True:
        task = messages.get()
        if limit is not None:
            # A process whose parent was killed while it hangs in a library has nobody else to end it.
            faulthandler.dump_traceback_later(limit * len(task.paths) + _GRACE, exit=True, file=sys.stderr)
        record = record_of_task(task, identity)
        faulthandler.cancel_dump_traceback_later()
        send(outbox, record)


def _streams() -> tuple[IO[bytes], IO[bytes]]:
    """Take standard input and output for messages; what libraries print goes nowhere."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null_device = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_device, 0)
    os.dup2(null_device, 1)
    return inbox, outbox


def _listen(inbox: IO[bytes], messages: queue.SimpleQueue[Any]) -> None:
    """Pass on messages; when there are no more the process ends, whatever it is doing, and with it what it started."""
    try:
        while True:
            messages.put(receive(inbox))
    except EOFError:
        pass
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)
