package signetverify

import (
	"math"
	"time"
)

const (
	pruneEvery = 30 * time.Second
	// mostSlept: if the clocks differ by more after a silence, the machine has
	// slept, and the bytes that it reads now are old.
	mostSlept = 5 * time.Second
)

// position is the place in the feed from which a page is asked for.
type position struct {
	// after is the cursor that the page follows; nil for the first page.
	after *string
	// life is the number of the list. A list that starts over gets another number,
	// and pages of another list do not fit.
	life int
}

// effect is that of a page.
type effect int

const (
	// applied: the page belongs to the list, and its connection goes on.
	applied effect = iota
	// outdated: the page belongs to a list that is no more.
	outdated
	// startOver: the issuer has an older database; the whole list is asked for again.
	startOver
)

// listWithCursor is a list that holds everything up to a cursor.
type listWithCursor struct {
	life    int
	entries *revocationList
	// cursor is nil before the first page.
	cursor *string
}

// followedList is the revocation list that counts, the cursor that it stands
// for, and how fresh it is. Pages of the feed arrive over several connections
// and in any order, so each is compared with the question that it answers: it is
// applied only where it begins at a cursor that the list has reached.
//
// A list that starts over is loaded beside the one that counts, page by page,
// and takes its place with its last page. Until then the entries of both deny.
// It touches no network and holds no lock.
type followedList struct {
	// current goes on denying what it denies while another list is loaded.
	current *listWithCursor
	// loading is a list that starts over; not nil while current may lack entries.
	loading *listWithCursor
	lives   int
	// heardAt is the moment at which the issuer had nothing that the list lacks;
	// nil before.
	heardAt  *moment
	prunedAt time.Duration
	// leastAhead is the smallest difference so far between wall and even clock.
	leastAhead time.Duration
}

func newFollowedList() *followedList {
	l := &followedList{prunedAt: longAgo, leastAhead: math.MaxInt64}
	l.current = l.empty()
	l.loading = l.empty()
	return l
}

func (l *followedList) empty() *listWithCursor {
	l.lives++
	return &listWithCursor{life: l.lives, entries: newRevocationList()}
}

// isWhole says whether the list that counts is complete up to its cursor.
func (l *followedList) isWhole() bool { return l.loading == nil }

// position is that of the next page to ask for.
func (l *followedList) position() position {
	list := l.current
	if l.loading != nil {
		list = l.loading
	}
	return position{after: list.cursor, life: list.life}
}

// findDenying returns the entry that denies a token; nil if there is none.
func (l *followedList) findDenying(claims Claims, kid *string, now time.Duration) *denial {
	if found := l.current.entries.findDenying(claims, kid, now.Seconds()); found != nil || l.loading == nil {
		return found
	}
	return l.loading.entries.findDenying(claims, kid, now.Seconds())
}

// stale is the time since the issuer was last heard; isKnown is false before.
func (l *followedList) stale(at moment) (silence time.Duration, isKnown bool) {
	if l.heardAt == nil {
		return 0, false
	}
	return at.since(*l.heardAt), true
}

// hear notes that the issuer has said that there is nothing new. at is the
// position of the connection that brought the message; m is when it was true:
// the time of the question, if there was one. It returns whether the message is
// true of this list.
func (l *followedList) hear(at position, m moment, isAnswer bool) bool {
	if !l.isWhole() || at.life != l.current.life {
		return false
	}
	last := l.heardAt
	if !isAnswer && last != nil && m.wall-last.wall > m.even-last.even+mostSlept {
		return false
	}
	if last == nil || m.even >= last.even {
		l.heardAt = &m
	}
	l.watchClock(m)
	l.prune(m)
	return true
}

// watchClock: entries that were forgotten while the clock was ahead count again
// when the clock is set right, and only the issuer still has them. It returns
// whether the list has to start over for that reason.
func (l *followedList) watchClock(m moment) bool {
	l.leastAhead = min(l.leastAhead, m.wall-m.even)
	if !l.current.entries.isMissing(m.wall) {
		return false
	}
	if l.isWhole() {
		l.loading = l.empty()
	}
	l.heardAt = nil
	return true
}

// prune: an entry has ended when the slowest clock so far says so. A clock that
// is briefly ahead costs nothing.
func (l *followedList) prune(m moment) {
	if m.even-l.prunedAt < pruneEvery {
		return
	}
	l.prunedAt = m.even
	l.current.entries.prune(m.even + l.leastAhead)
}

// take applies the answer to a question. asked is the position that was asked
// for; next is that from which the connection goes on, if the page was applied.
// keysChanged says whether entries of keys came or went.
func (l *followedList) take(asked position, page feedPage) (next position, did effect, keysChanged bool) {
	list := l.find(asked.life)
	if list == nil {
		return position{}, outdated, false
	}
	if asked.after != nil && isBefore(page.cursor, *asked.after) {
		// The database was restored. The page cannot be applied, because its place in
		// the new list is not known.
		if l.isWhole() || list == l.loading {
			l.loading = l.empty()
		}
		return position{}, startOver, false
	}
	next = position{after: &page.cursor, life: list.life}
	// Another connection has brought all of it already, and later changes may have
	// undone it.
	if list.cursor != nil && isBefore(page.cursor, *list.cursor) {
		return next, applied, false
	}
	list.cursor = &page.cursor
	keysChanged = list.entries.change(page)
	if list == l.loading && !page.hasMore {
		keysChanged = keysChanged || l.current.entries.hasKeys()
		l.current, l.loading = list, nil
	}
	return next, applied, keysChanged
}

func (l *followedList) find(life int) *listWithCursor {
	switch {
	case l.current.life == life:
		return l.current
	case l.loading != nil && l.loading.life == life:
		return l.loading
	default:
		return nil
	}
}
