"""Tells those who keep a connection open that the process has been asked to stop.

A server waits for its open connections before it ends the application's lifespan, and an event stream never ends
by itself; so the signal must be heard earlier. The server's own handler still runs. Called by ``app``.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_to_stop(*tell: Callable[[], None]) -> Iterator[None]:
    """While the block lasts, call each ``tell`` in the running loop when the process is asked to stop.

    Only signals that the server itself handles are heard, and none outside the main thread (a server inside a test).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    found = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in found.items() if callable(handler)}

    def hear(number: int, frame: FrameType | None) -> None:
        for each in tell:
            loop.call_soon_threadsafe(each)
        before[signal.Signals(number)](number, frame)

    for number in before:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
