package signetverify

import (
	"context"
	"sync"
	"time"
)

// follower follows the issuer's blacklist feed, so that a revoked token is
// refused here within a second and no request waits for a network. It uses
// events if the network lets them through, and polls otherwise. It knows how old
// its data is.
type follower struct {
	settings settings
	client   *client
	ctx      context.Context
	// keysChanged is called when entries of keys came or went, with the lock held.
	keysChanged func()
	loaded      chan struct{}
	endLoad     func()
	start       func()

	mu        sync.Mutex
	list      *followedList
	mode      Mode
	lastError string
	tag       entityTag
	line      *eventLine
	// asking is closed when the running question has ended; nil if none runs.
	asking        chan struct{}
	askedInVainAt time.Duration
}

// entityTag is valid for one URL, and the URL changes with the cursor.
type entityTag struct{ after, etag string }

// eventLine is an open event stream.
type eventLine struct {
	limit *timeLimit
	at    position
	// hasMore: pages are still missing. Then a heartbeat does not mean that there
	// is nothing new.
	hasMore bool
	// askedAt is when the stream was asked for; nil after its first pages, because
	// later pages come by themselves.
	askedAt *moment
	// heardAt is when the first page came, by the machine's clock; zero before.
	heardAt time.Time
}

// newFollower asks for nothing before the first token. The follower ends with ctx.
func newFollower(ctx context.Context, s settings, c *client, keysChanged func()) *follower {
	f := &follower{
		settings: s, client: c, ctx: ctx, keysChanged: keysChanged,
		loaded: make(chan struct{}), list: newFollowedList(), mode: ModeIdle, askedInVainAt: longAgo,
	}
	f.endLoad = sync.OnceFunc(func() { close(f.loaded) })
	f.start = sync.OnceFunc(func() { go f.run() })
	return f
}

// requireFresh returns nil once the data is fresh enough for the caller. Its
// error is a *TokenError with RevocationsStale.
func (f *follower) requireFresh(ctx context.Context, bound Staleness) error {
	asked := momentOf(f.settings.clock)
	f.mu.Lock()
	isMissing := f.list.watchClock(asked)
	isFresh := f.isFresh(asked, bound)
	f.mu.Unlock()
	if isMissing {
		f.askSoon()
	}
	if isFresh {
		return nil
	}
	return f.freshen(ctx, asked, bound)
}

// freshen: asked is the arrival of the token. A response to a later question is
// fresh enough for every bound.
func (f *follower) freshen(ctx context.Context, asked moment, bound Staleness) error {
	f.start()
	if !f.waitForLoad(ctx) {
		return f.staleError(ctx)
	}
	if f.isFreshNow(asked, bound) || bound.WhenStale == Open {
		return nil
	}
	// The question that is waited for may have been asked before, and be older than
	// the bound allows.
	for range 2 {
		if ctx.Err() != nil {
			break
		}
		f.askNow(ctx)
		if f.isFreshNow(asked, bound) {
			return nil
		}
	}
	return f.staleError(ctx)
}

// waitForLoad waits for the first load or the first failure. It returns false
// if the caller waits no longer or the verifier is closed.
func (f *follower) waitForLoad(ctx context.Context) bool {
	select {
	case <-f.loaded:
		return f.ctx.Err() == nil
	default:
	}
	select {
	case <-f.loaded:
		return f.ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (f *follower) staleError(ctx context.Context) *TokenError {
	f.mu.Lock()
	defer f.mu.Unlock()
	told := ""
	if f.lastError != "" {
		told = ": " + f.lastError
	}
	refused := refuse(RevocationsStale, "it is not known which tokens were revoked lately%s", told)
	if ctx.Err() != nil {
		return refused.because(context.Cause(ctx))
	}
	return refused
}

func (f *follower) isFreshNow(asked moment, bound Staleness) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isFresh(asked, bound)
}

// isFresh needs the lock.
func (f *follower) isFresh(asked moment, bound Staleness) bool {
	silence, isKnown := f.list.stale(asked)
	return isKnown && silence <= bound.Max
}

// findDenying returns the entry that denies a token; nil if there is none.
func (f *follower) findDenying(claims Claims, kid *string) *denial {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.list.findDenying(claims, kid, f.settings.clock.wall())
}

// close ends the waiting of all tokens; the requests end with the context.
func (f *follower) close() {
	f.mu.Lock()
	f.mode = ModeClosed
	f.mu.Unlock()
	f.endLoad()
}

// take applies a page that came by events or by polling. askedAt is nil for an
// event that came by itself.
func (f *follower) take(by Mode, asked position, page feedPage, askedAt *moment) (position, effect) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next, did, keysChanged := f.list.take(asked, page)
	if keysChanged {
		f.keysChanged()
	}
	if did != applied {
		return next, did
	}
	// Whoever waits for the load finds the mode set.
	f.setMode(by)
	if page.hasMore || !f.list.isWhole() {
		return next, did
	}
	isHeard := f.hear(next, askedAt)
	f.endLoad()
	if !isHeard {
		return next, outdated
	}
	return next, applied
}

// hear needs the lock. It returns whether the message belongs to the current list.
func (f *follower) hear(at position, askedAt *moment) bool {
	m := momentOf(f.settings.clock)
	if askedAt != nil {
		m = *askedAt
	}
	isHeard := f.list.hear(at, m, askedAt != nil)
	if isHeard {
		f.lastError = ""
	}
	return isHeard
}

func (f *follower) noteError(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastError = err.Error()
}
