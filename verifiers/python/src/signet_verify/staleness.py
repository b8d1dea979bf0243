"""How old revocation data may be, and how old it is."""

from dataclasses import dataclass
from typing import Literal

Mode = Literal["idle", "connecting", "events", "polling", "closed"]
WhenStale = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class StalenessPolicy:
    """The behaviour when nothing was heard from the feed for too long.

    After ``max_staleness_seconds`` of silence, ``closed`` refuses with ``revocations_stale`` (503), and
    ``open`` uses the present data.
    """

    max_staleness_seconds: float = 300.0
    when_stale: WhenStale = "closed"


@dataclass(frozen=True, slots=True)
class RevocationStatus:
    """The state and age of the revocation data."""

    mode: Mode
    """``idle`` before the first token; ``connecting`` while neither events nor polling work."""
    cursor: str | None
    """The cursor of the feed; ``None`` before the first load is complete."""
    entries: int
    stale_seconds: float
    """Seconds since the issuer was last heard; infinite before. Normally at most 15, the feed's heartbeat."""
    last_error: str | None
    """Why the last attempt failed; ``None`` if it did not."""
