"""The revocation list that counts, the cursor that it stands for, and how fresh it is.

Pages of the feed arrive over several connections and in any order, so each is compared with the question
that it answers: it is applied only where it begins at a cursor that the list has reached. A list that
starts over is loaded beside the one that counts, page by page, and takes its place with its last page.
Until then the entries of both deny. It touches no network, and every thread may use it.
"""

import math
import threading
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from .clock import Moment, age
from .feed_page import FeedPage, is_before
from .revocation_list import Denial, RevocationList

_PRUNE_EVERY_SECONDS: Final = 30.0
_SLEPT_SECONDS: Final = 5.0
"""If the clocks differ by more after a silence, the machine has slept, and the bytes that it reads now are old."""


class Position(NamedTuple):
    """The place in the feed from which a page is asked for.

    ``after`` is ``None`` for the first page. A list that starts over gets another number as its ``life``,
    and pages of another list do not fit.
    """

    after: str | None
    life: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The effect of a page; ``at`` is the position from which its connection goes on."""

    at: Position
    kinds: set[str]


@dataclass(slots=True)
class _List:
    life: int
    entries: RevocationList
    cursor: str | None = None
    """The list holds everything up to this cursor."""

    @property
    def position(self) -> Position:
        return Position(self.cursor, self.life)


class FollowedList:
    """The list that counts, and the one that is loaded.

    :param linger_seconds: how much longer than the issuer thinks a token may be accepted here
    """

    def __init__(self, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._lock = threading.RLock()
        self._lives = 0
        self._current = self._empty()
        self._loading: _List | None = self._empty()
        self._heard_at: Moment | None = None
        self._pruned_at = -math.inf
        self._least_ahead = math.inf

    @property
    def cursor(self) -> str | None:
        """The cursor of the list that counts; ``None`` before the first whole list."""
        return self._current.cursor

    @property
    def is_whole(self) -> bool:
        """Whether the list that counts is complete up to its cursor."""
        return self._loading is None

    @property
    def position(self) -> Position:
        """The next page to ask for."""
        with self._lock:
            return (self._loading or self._current).position

    def __len__(self) -> int:
        return len(self._current.entries)

    def find_denying(self, claims: dict[str, Any], kid: str | None, now: float) -> Denial | None:
        """The entry that denies a token. :param kid: of the key that verified it"""
        with self._lock:
            denial = self._current.entries.find_denying(claims, kid, now)
            if denial is None and self._loading is not None:
                denial = self._loading.entries.find_denying(claims, kid, now)
            return denial

    def staleness(self, at: Moment) -> float:
        """Seconds since the issuer was last heard; infinite before."""
        heard_at = self._heard_at
        return math.inf if heard_at is None else age(heard_at, at)

    def hear(self, at: Position, moment: Moment, *, is_answer: bool) -> bool:
        """The issuer has said that there is nothing new. Returns whether that is true of this list.

        :param at: the position of the connection that brought the message
        :param moment: when the message was true: the time of the question, if there was one
        """
        with self._lock:
            if not self.is_whole or at.life != self._current.life:
                return False
            last = self._heard_at
            if not is_answer and last and moment.wall - last.wall > moment.even - last.even + _SLEPT_SECONDS:
                return False
            if last is None or moment.even >= last.even:
                self._heard_at = moment
            self.watch_clock(moment)
            self._prune(moment)
            return True

    def watch_clock(self, moment: Moment) -> bool:
        """Whether the list has to start over.

        Entries that were forgotten while the clock was ahead count again when the clock is set right, and
        only the issuer still has them.
        """
        with self._lock:
            self._least_ahead = min(self._least_ahead, moment.wall - moment.even)
            if not self._current.entries.is_missing(moment.wall):
                return False
            if self.is_whole:
                self._loading = self._empty()
            self._heard_at = None
            return True

    def take(self, asked: Position, page: FeedPage) -> Taken | Literal["outdated", "start over"]:
        """Applies a page. :param asked: the position that was asked for"""
        with self._lock:
            target = next((each for each in (self._current, self._loading) if each and each.life == asked.life), None)
            if target is None:
                return "outdated"
            if asked.after is not None and is_before(page.cursor, asked.after):
                # The database was restored. The page cannot be applied: its place in the new list is not known.
                if self.is_whole or target is self._loading:
                    self._loading = self._empty()
                return "start over"
            at = Position(page.cursor, target.life)
            # Another connection has brought all of it already, and later changes may have undone it.
            if target.cursor is not None and is_before(page.cursor, target.cursor):
                return Taken(at, set())
            return Taken(at, self._apply(target, page))

    def _apply(self, target: _List, page: FeedPage) -> set[str]:
        """Returns the kinds of entries that came or went, those of a former list included."""
        target.cursor = page.cursor
        kinds = target.entries.change(page)
        if target is self._loading and not page.has_more:
            kinds |= self._current.entries.kinds
            self._current, self._loading = target, None
        return kinds

    def _prune(self, moment: Moment) -> None:
        """An entry has ended when the slowest clock so far says so. A clock that is briefly ahead costs nothing."""
        if moment.even - self._pruned_at < _PRUNE_EVERY_SECONDS:
            return
        self._pruned_at = moment.even
        self._current.entries.prune(moment.even + self._least_ahead)

    def _empty(self) -> _List:
        self._lives += 1
        return _List(self._lives, RevocationList(self._linger_seconds))
