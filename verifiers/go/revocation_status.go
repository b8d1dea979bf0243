package signetverify

import (
	"time"
)

// Mode is the way in which revocations are followed.
type Mode string

// The modes of a follower. ModeConnecting means that neither events nor polling work.
const (
	ModeIdle       Mode = "idle"
	ModeConnecting Mode = "connecting"
	ModeEvents     Mode = "events"
	ModePolling    Mode = "polling"
	ModeClosed     Mode = "closed"
)

// RevocationStatus is the state and age of revocation data.
type RevocationStatus struct {
	// Mode is ModeIdle before the first token.
	Mode Mode
	// Cursor is that of the feed; empty before the first load is complete.
	Cursor string
	// Entries is the number of entries of the list.
	Entries int
	// IsLoaded says whether the list is complete and Silence is known.
	IsLoaded bool
	// Silence is the time since the issuer was last heard. Normally it is 15
	// seconds at most, the feed's heartbeat.
	Silence time.Duration
	// LastError says why the last attempt failed; empty if it did not.
	LastError string
}

func (f *follower) status() *RevocationStatus {
	now := momentOf(f.settings.clock)
	f.mu.Lock()
	defer f.mu.Unlock()
	status := &RevocationStatus{Mode: f.mode, Entries: f.list.current.entries.size(), LastError: f.lastError}
	if cursor := f.list.current.cursor; cursor != nil {
		status.Cursor = *cursor
	}
	status.Silence, status.IsLoaded = f.list.stale(now)
	return status
}
