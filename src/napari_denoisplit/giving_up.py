"""Long work that ends in its middle once a stop is asked for.

A job looks at its stop between its steps. Where one step takes seconds, as the pass of a network
over a large plane does on a CPU, whoever stops would wait for it. So what is deep in such a step
calls `look`, and the job says what is given up.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

P = ParamSpec("P")

_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class GivenUp(Exception):
    """A stop was asked for in the middle of work."""


def look() -> None:
    """Give the work up that this thread is at, where it may be and its stop is set.

    Raises
    ------
    GivenUp
        To be caught by whoever said that it may be given up.
    """
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise GivenUp


@contextmanager
def giving_up(stop: threading.Event | None) -> Iterator[None]:
    """Let work in this thread be given up, by `GivenUp`, once a stop is set; None never.

    No generator may yield within: what others do meanwhile would be given up, too.
    """
    before = _stop.set(stop)
    try:
        look()
        yield
    finally:
        _stop.reset(before)


def finished(
    stop: threading.Event | None, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> bool:
    """Do some work, and say whether it came to its end; if not, `stop` was set."""
    try:
        with giving_up(stop):
            work(*args, **kwargs)
    except GivenUp:
        return False
    return True
