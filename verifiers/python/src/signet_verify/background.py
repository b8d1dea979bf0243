"""The network runs in an event loop of its own, in one daemon thread for all verifiers of a process.

So a verifier works the same below Flask and below FastAPI, an app that is busy does not delay the feed, and
fifty followers need one thread. The thread starts with the first request, and anew in a child process.
"""

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, TypeVar

import httpx

from .errors import TokenError

_Result = TypeVar("_Result")
_STOP_SECONDS: Final = 1.0


class Background:
    """An event loop in a thread, and the HTTP client that lives there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._client: httpx.AsyncClient | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="signet-verify", daemon=True)
        self._thread.start()
        atexit.register(self._stop, os.getpid())

    def submit(self, work: Coroutine[Any, Any, _Result]) -> concurrent.futures.Future[_Result]:
        """Runs work in the loop.

        :raises TokenError: ``issuer_unavailable`` while the process ends
        """
        if self._is_over:
            work.close()
            raise TokenError("issuer_unavailable", "this process is about to end")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def client(self) -> httpx.AsyncClient:
        """Used in the loop alone. It keeps no cookies, and asks plain http without a proxy."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                follow_redirects=False,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
                mounts={"http://": None},
                # Each request has a limit for its whole time.
                timeout=None,
            )
        return self._client

    def _stop(self, pid: int) -> None:
        if pid != os.getpid():
            return
        self._is_over = True
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(_STOP_SECONDS)

    def _end(self) -> None:
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.call_soon(self._loop.stop)


_lock = threading.Lock()
_current: tuple[int, Background] | None = None


def background() -> Background:
    """The one of this process. A child process does not inherit the thread, so it gets another one."""
    global _current
    with _lock:
        if _current is None or _current[0] != os.getpid():
            _current = os.getpid(), Background()
        return _current[1]


def _forget() -> None:
    """In a child process: the parent's lock may be held for ever."""
    global _lock, _current
    _lock, _current = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
