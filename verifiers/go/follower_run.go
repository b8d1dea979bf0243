package signetverify

import (
	"math/rand/v2"
	"time"
)

const (
	// pollEvery is the time between two polls, so that an entry is noticed within
	// a second.
	pollEvery = 700 * time.Millisecond
	// mostSilence: heartbeats come every 15 s; a connection that is silent for
	// longer is dead.
	mostSilence = 40 * time.Second
	// pollsFor: the follower polls for so long before it tries events again.
	pollsFor = 60 * time.Second
	// busyFor is the same, if events are refused for the moment.
	busyFor        = 10 * time.Second
	shortestStream = time.Second
	// mostShortStreams: a single short stream is a restart of the issuer; several
	// in a row are a proxy that ends streams.
	mostShortStreams = 3
	firstBackOff     = 200 * time.Millisecond
	mostBackOff      = 5 * time.Second
)

// result is how a poll or a stream ends.
type result int

const (
	polled result = iota
	// ended: the stream can be opened again.
	ended
	// failed: there was no answer, or none that helps.
	failed
	// unsupported: there are no events.
	unsupported
	// busy: the server takes no more followers now.
	busy
	// cutShort: the connection ended within a second.
	cutShort
)

// run follows the feed until the verifier is closed.
func (f *follower) run() {
	failures, shortStreams := 0, 0
	pollsUntil := time.Duration(longAgo)
	for f.ctx.Err() == nil {
		polls := f.settings.clock.even() < pollsUntil
		how := f.once(polls)
		if f.ctx.Err() != nil {
			return
		}
		f.note(how, polls)
		failures = countIf(how == failed, failures)
		shortStreams = countIf(how == cutShort, shortStreams)
		switch {
		// If events are refused, a poll follows at once.
		case how == unsupported:
			pollsUntil = f.settings.clock.even() + pollsFor
		case how == busy || shortStreams == mostShortStreams:
			pollsUntil = f.settings.clock.even() + busyFor
		case how == polled:
			f.pause(pollEvery)
		default:
			f.pause(backOff(failures))
		}
	}
}

func (f *follower) once(polls bool) result {
	if polls {
		return f.poll()
	}
	return f.stream()
}

func countIf(happened bool, before int) int {
	if happened {
		return before + 1
	}
	return 0
}

func (f *follower) note(how result, polls bool) {
	f.mu.Lock()
	if !polls || how == failed {
		f.setMode(ModeConnecting)
	}
	f.mu.Unlock()
	if how == failed {
		f.endLoad()
	}
}

// setMode needs the lock. A poll beside an open stream changes nothing.
func (f *follower) setMode(mode Mode) {
	isBeside := mode == ModePolling && f.mode == ModeEvents
	if f.mode != ModeClosed && !isBeside {
		f.mode = mode
	}
}

// pause waits until the time is over or the verifier is closed.
func (f *follower) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.ctx.Done():
	}
}

// backOff: half of the time is random, so that many followers do not come back
// at the same moment.
func backOff(failures int) time.Duration {
	most := min(firstBackOff<<min(failures, 10), mostBackOff)
	return most/2 + rand.N(most/2)
}
