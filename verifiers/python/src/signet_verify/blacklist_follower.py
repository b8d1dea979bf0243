"""Follows the issuer's blacklist feed, so that a revoked token is refused here within a second.

No request waits for a network. It uses events if the network lets them through, and polls otherwise. It knows
how old its data is. Everything but ``is_fresh``, ``find_denying`` and ``status`` runs in the background loop.
"""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx

from . import strict_json
from .clock import Clock, Moment, earlier, moment_of
from .errors import TokenError
from .event_stream import ServerEvent, server_events
from .feed_page import MOST_PAGE_BYTES, FeedPage, read_page
from .followed_list import FollowedList, Position, Taken
from .get_document import (
    REQUEST_TIMEOUT_SECONDS,
    RequestFault,
    as_fault,
    get_json,
    request_headers,
    require_plain,
    seconds_in_caches,
)
from .revocation_list import Denial
from .staleness import Mode, RevocationStatus, StalenessPolicy

_POLL_SECONDS: Final = 0.7
"""The time between two polls, so that an entry is noticed within a second."""
_SILENCE_SECONDS: Final = 40.0
"""Heartbeats come every 15 s; a connection that is silent for longer is dead."""
_POLLS_FOR_SECONDS: Final = 60.0
"""How long the follower polls before it tries events again."""
_BUSY_SECONDS: Final = 10.0
"""The same, if events are refused for the moment."""
_SHORTEST_STREAM_SECONDS: Final = 1.0
_MOST_SHORT_STREAMS: Final = 3
"""A single short stream is a restart of the issuer; several in a row are a proxy that ends streams."""
_FIRST_BACK_OFF_SECONDS: Final = 0.2
_MOST_BACK_OFF_SECONDS: Final = 5.0
_ASK_AGAIN_SECONDS: Final = 1.0
"""The time between two failed questions on behalf of a token that may not be judged by old data."""
_MOST_BYTES: Final = 67_108_864
"""An issuer without pages sends the whole list in one response."""


@dataclass(slots=True)
class _Line:
    """An open event stream."""

    limit: asyncio.Timeout
    at: Position
    asked_at: Moment | None
    """When the stream was asked for; ``None`` after its first pages, because later pages come by themselves."""
    has_more: bool = True
    """Whether pages are still missing. Then a heartbeat does not mean that there is nothing new."""
    is_answered: bool = False
    heard_at: float | None = None


_StreamEnd = Literal["failed", "unsupported", "busy", "cut short", "ended"]
_Answer = Literal["more", "last", "start over"]


class BlacklistFollower:
    """Follows one feed.

    :param linger_seconds: how much longer than the issuer thinks a token may be accepted here
    :param on_change: called with the kinds of entries that came or went
    """

    def __init__(
        self,
        feed_url: str,
        user_agent: str,
        *,
        linger_seconds: float,
        client: httpx.AsyncClient,
        clock: Clock,
        on_change: Callable[[set[str]], None],
    ) -> None:
        self._feed_url = feed_url
        self._user_agent = user_agent
        self._client = client
        self._clock = clock
        self._on_change = on_change
        self._list = FollowedList(linger_seconds)
        self._mode: Mode = "idle"
        self._last_error: str | None = None
        self._tag: tuple[str, str] | None = None
        """A cursor, and the entity tag of the page after it."""
        self._line: _Line | None = None
        self._running: asyncio.Task[None] | None = None
        self._first_load = asyncio.Event()
        """Set with the first load or the first failure, whichever comes first."""
        self._asking: asyncio.Task[None] | None = None
        self._asked_in_vain_at = -math.inf

    def status(self) -> RevocationStatus:
        """The state and age of the data. Every thread may ask."""
        staleness = self._list.staleness(moment_of(self._clock))
        return RevocationStatus(self._mode, self._list.cursor, len(self._list), staleness, self._last_error)

    def close(self) -> None:
        """Ends all running requests."""
        self._mode = "closed"
        self._first_load.set()
        for task in (self._running, self._asking):
            if task:
                task.cancel()

    def is_fresh(self, asked: Moment, policy: StalenessPolicy) -> bool:
        """Whether a token may be judged without waiting. Every thread may ask.

        :param asked: the arrival of the token; a response to a later question is fresh enough for every bound
        """
        if self._list.watch_clock(asked):
            return False
        # Before the first whole list nothing is fresh, whatever the bound.
        staleness = self._list.staleness(asked)
        return math.isfinite(staleness) and staleness <= policy.max_staleness_seconds

    def find_denying(self, claims: dict[str, Any], kid: str | None, now: float) -> Denial | None:
        """The entry that denies a token. Every thread may ask. :param kid: of the key that verified it"""
        return self._list.find_denying(claims, kid, now)

    async def freshen(self, asked: Moment, policy: StalenessPolicy) -> None:
        """Waits for data that is fresh enough.

        :raises TokenError: ``revocations_stale``
        """
        # Entries that were forgotten while the clock was ahead come from the issuer alone, whatever the policy.
        if self._list.watch_clock(asked):
            self._ask_soon()
        await self._start()
        if self.is_fresh(asked, policy) or policy.when_stale == "open":
            return
        await self._ask_now()
        # The awaited question may have been asked before, and be older than the bound allows.
        if not self.is_fresh(asked, policy):
            await self._ask_now()
        if self.is_fresh(asked, policy):
            return
        told = "" if self._last_error is None else f": {self._last_error}"
        raise TokenError("revocations_stale", f"it is not known which tokens were revoked lately{told}")

    async def _start(self) -> None:
        """The first token starts the follower."""
        if self._running is None and self._mode != "closed":
            self._running = asyncio.create_task(self._run())
        await self._first_load.wait()

    async def _run(self) -> None:
        failures = short_streams = 0
        polls_until = -math.inf
        while True:
            polls = self._clock.elapsed() < polls_until
            outcome = await self._poll() if polls else await self._stream()
            if not polls or outcome == "failed":
                self._mode = "connecting"
            if outcome == "failed":
                self._first_load.set()
            failures = failures + 1 if outcome == "failed" else 0
            short_streams = short_streams + 1 if outcome == "cut short" else 0
            # If events are refused, a poll follows at once.
            if outcome == "unsupported":
                polls_until = self._clock.elapsed() + _POLLS_FOR_SECONDS
            elif outcome == "busy" or short_streams == _MOST_SHORT_STREAMS:
                polls_until = self._clock.elapsed() + _BUSY_SECONDS
            else:
                await asyncio.sleep(_POLL_SECONDS if outcome == "ok" else _back_off_seconds(failures))

    async def _stream(self) -> _StreamEnd:
        """Follows events until the connection ends.

        ``failed``: there was no connection. ``unsupported``: there are no events. ``busy``: the server takes no
        more followers now. ``cut short``: the connection ended within a second.
        """
        limit = asyncio.timeout(REQUEST_TIMEOUT_SECONDS)
        line = _Line(limit, self._list.position, moment_of(self._clock))
        self._line = line
        try:
            async with limit, self._open_stream(line.at) as response:
                line.is_answered = True
                if response.status_code >= 429:
                    return "busy"
                if not _is_event_stream(response):
                    return "unsupported"
                require_plain(self._feed_url, response)
                async for event in server_events(response.aiter_raw()):
                    if not self._take_event(line, event):
                        return "ended"
        except Exception as cause:
            return self._end_of(line, cause)
        finally:
            self._line = None
        return _length_of(line)

    def _end_of(self, line: _Line, cause: Exception) -> _StreamEnd:
        if line.at.life != self._list.position.life:
            return "ended"
        waited = REQUEST_TIMEOUT_SECONDS if line.heard_at is None else _SILENCE_SECONDS
        self._last_error = str(as_fault(self._feed_url, cause, waited))
        if not line.is_answered:
            return "failed"
        # Some proxies hold a stream back. Polling gets through them.
        if isinstance(cause, TimeoutError) and line.heard_at is None:
            return "unsupported"
        return _length_of(line)

    def _open_stream(self, at: Position) -> Any:
        headers = request_headers("text/event-stream", self._user_agent, {"last-event-id": at.after})
        return self._client.stream("GET", self._feed_url, headers=headers)

    def _take_event(self, line: _Line, event: ServerEvent | None) -> bool:
        """Returns whether the stream can go on; otherwise the follower has to connect again."""
        if event is not None and event.event == "blacklist":
            if not self._take_page_of(line, event.data):
                return False
            line.heard_at = line.heard_at or _real_seconds()
            self._mode = "events"
        elif not line.has_more and not self._hear(line.at, None):
            return False
        if line.heard_at is not None:
            line.limit.reschedule(_real_seconds() + _SILENCE_SECONDS)
        return True

    def _take_page_of(self, line: _Line, data: str) -> bool:
        page = _page_of(self._feed_url, _parse_event(self._feed_url, data), len(data), line.at)
        taken = self._take(line.at, page, line.asked_at)
        if not isinstance(taken, Taken):
            return False
        line.at = taken.at
        line.has_more = page.has_more
        # The first pages are as old as the request. Later pages are sent when something changes.
        if not page.has_more:
            line.asked_at = None
        return True

    async def _poll(self) -> Literal["ok", "failed"]:
        """Asks for one page after another until the list is complete."""
        starts_over = 0
        answer: _Answer | None = None
        try:
            while answer != "last":
                answer = await self._ask_page(answer)
                starts_over += answer == "start over"
                if starts_over > 1:
                    raise RequestFault(self._feed_url, "starts over at each answer")
        except Exception as cause:
            self._last_error = str(as_fault(self._feed_url, cause))
            return "failed"
        # An event stream of the former list has no more use.
        line = self._line
        if line and line.at.life != self._list.position.life and not line.limit.expired():
            line.limit.reschedule(_real_seconds())
        if self._mode != "events":
            self._mode = "polling"
        return "ok"

    async def _ask_page(self, before: _Answer | None) -> _Answer:
        """:param before: the kind of the response before this one"""
        asked = self._list.position
        url = _page_url(self._feed_url, asked.after)
        etag = self._tag[1] if self._tag and self._tag[0] == asked.after else None
        asked_at = moment_of(self._clock)
        # Only an issuer with pages leaves a list in the middle.
        in_pages = before == "more" or not self._list.is_whole
        max_bytes = MOST_PAGE_BYTES if in_pages and asked.after is not None else _MOST_BYTES
        answer = await get_json(self._client, url, user_agent=self._user_agent, max_bytes=max_bytes, etag=etag)
        said_at = earlier(asked_at, seconds_in_caches(answer.headers))
        if not answer.changed:
            self._hear(asked, said_at)
            return "last" if self._list.is_whole else "more"
        page = _page_of(url, answer.json, len(answer.text), asked)
        taken = self._take(asked, page, said_at)
        if taken == "start over":
            return taken
        self._remember(asked, page, answer.etag)
        # Another connection may have completed the list, or made it start over.
        return "last" if self._list.is_whole and (taken == "outdated" or not page.has_more) else "more"

    def _remember(self, asked: Position, page: FeedPage, etag: str | None) -> None:
        """The tag is valid for one URL, and the URL changes with the cursor."""
        is_same = asked.after is not None and page.cursor == asked.after and etag is not None
        self._tag = (page.cursor, etag) if is_same and etag is not None else None

    def _ask_soon(self) -> None:
        """One question for all tokens that may not be judged by old data."""
        if self._mode == "closed" or self._clock.elapsed() - self._asked_in_vain_at < _ASK_AGAIN_SECONDS:
            return
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())

    async def _ask_now(self) -> None:
        self._ask_soon()
        if self._asking:
            await asyncio.wait({self._asking})

    async def _ask(self) -> None:
        try:
            has_failed = await self._poll() == "failed"
            self._asked_in_vain_at = self._clock.elapsed() if has_failed else -math.inf
        finally:
            self._asking = None

    def _take(
        self, asked: Position, page: FeedPage, asked_at: Moment | None
    ) -> Taken | Literal["outdated", "start over"]:
        """Returns ``outdated`` also if the response belongs to another list than the current one."""
        taken = self._list.take(asked, page)
        if not isinstance(taken, Taken):
            return taken
        if taken.kinds:
            self._on_change(taken.kinds)
        if page.has_more or not self._list.is_whole:
            return taken
        is_heard = self._hear(taken.at, asked_at)
        self._first_load.set()
        return taken if is_heard else "outdated"

    def _hear(self, at: Position, asked_at: Moment | None) -> bool:
        """Returns whether the message belongs to the current list. :param asked_at: ``None`` for an event"""
        is_heard = self._list.hear(at, asked_at or moment_of(self._clock), is_answer=asked_at is not None)
        if is_heard:
            self._last_error = None
        return is_heard


def _page_url(feed_url: str, after: str | None) -> str:
    """The query that the feed's address has already stays."""
    return feed_url if after is None else str(httpx.URL(feed_url).copy_set_param("after", after))


def _real_seconds() -> float:
    """Timers run by the loop's clock, which no test moves."""
    return asyncio.get_running_loop().time()


def _length_of(line: _Line) -> Literal["cut short", "ended"]:
    is_short = line.heard_at is None or _real_seconds() - line.heard_at < _SHORTEST_STREAM_SECONDS
    return "cut short" if is_short else "ended"


def _is_event_stream(response: httpx.Response) -> bool:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return response.status_code == 200 and media_type == "text/event-stream"


def _back_off_seconds(failures: int) -> float:
    """Half of the time is random, so that many followers do not come back at the same moment."""
    most = min(_FIRST_BACK_OFF_SECONDS * 2.0 ** min(failures, 10), _MOST_BACK_OFF_SECONDS)
    return random.uniform(most / 2, most)


def _parse_event(url: str, data: str) -> Any:
    try:
        return strict_json.parse(data)
    except ValueError as cause:
        raise RequestFault(url, "sent an event that is not JSON") from cause


def _page_of(url: str, document: Any, length: int, asked: Position) -> FeedPage:
    try:
        return read_page(document, length, asked.after)
    except ValueError as cause:
        raise RequestFault(url, str(cause)) from cause
