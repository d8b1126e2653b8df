"""Ctrl-C and SIGTERM as one event: the first asks for a clean stop, the second interrupts at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopping(event: threading.Event | None = None) -> Iterator[threading.Event]:
    """An event that the first signal sets; a second one raises KeyboardInterrupt. Main thread only."""
    stop = event or threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
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
