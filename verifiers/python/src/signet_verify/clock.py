"""Two clocks, both in seconds.

Times inside a token or an entry are compared with the wall clock. Ages and intervals in this process
are measured with an even clock, because a wall clock can be set forward and back.
"""

import time
from typing import NamedTuple, Protocol


class Clock(Protocol):
    """The option ``clock``, for tests that move time."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def elapsed(self) -> float:
        """Seconds since some fixed point; runs evenly, even if the wall clock is set."""


class SystemClock:
    """The clocks of the machine."""

    def now(self) -> float:
        """The time of day."""
        return time.time()

    def elapsed(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class Moment(NamedTuple):
    """The same moment, as both clocks show it."""

    wall: float
    even: float


def moment_of(clock: Clock) -> Moment:
    """The present moment."""
    return Moment(clock.now(), clock.elapsed())


def earlier(moment: Moment, seconds: float) -> Moment:
    """The moment that many seconds before."""
    return Moment(moment.wall - seconds, moment.even - seconds)


def age(since: Moment, at: Moment) -> float:
    """Seconds from one moment to another.

    The clock that shows more counts: the wall clock may have been set back, and the even clock
    stands still while a machine sleeps.
    """
    return max(0.0, at.wall - since.wall, at.even - since.even)
