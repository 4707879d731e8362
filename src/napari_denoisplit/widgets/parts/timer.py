"""A timer that goes with its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtCore import QObject


def timer(owner: QObject, act: Callable[[], Any], pause_ms: int = 0) -> QTimer:
    """Make a timer that acts once after each start.

    `QTimer.singleShot` would act for an owner that Qt has deleted meanwhile.

    Parameters
    ----------
    owner
        With which the timer goes.
    act
        What it does.
    pause_ms
        From its start to the act, unless the start gives another.
    """
    made = QTimer(owner)
    made.setSingleShot(True)
    made.setInterval(pause_ms)
    made.timeout.connect(act)
    return made
