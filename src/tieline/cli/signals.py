"""Ctrl-C and SIGTERM as one event: the first asks for a clean stop, the second ends the process at once.

The second is safe because a run may die at any moment anyway: what was committed stays, and the next run settles it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
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

    with _handled_by(handle):
        yield stop


@contextmanager
def asking() -> Iterator[None]:
    """While a person is asked, the first signal is KeyboardInterrupt: there is no boundary to wait for. Nests."""
    with _handled_by(signal.default_int_handler):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Both signals go to `handler`; to nobody new outside the main thread, where that cannot be set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
