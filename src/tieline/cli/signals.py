"""Ctrl-C and SIGTERM as one event: the first asks for a clean stop, the second ends the process at once.

The second is safe because a run may die at any moment anyway: what was committed stays, and the next run settles it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tieline.cli.boundary import INTERRUPTED


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first signal sets; a second one ends the process with 130. Main thread only."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            os.write(2, b"Interrupted at once; the next sync goes on from here.\n")
            os._exit(INTERRUPTED)  # threads may be waiting for an answer: nobody waits for them
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
