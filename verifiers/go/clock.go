package signetverify

import "time"

// clock shows time twice. Times inside a token or an entry are compared with
// the wall clock. Ages and intervals in this process are measured with an even
// clock, because a wall clock can be set forward and back.
type clock interface {
	// wall is the time since the epoch.
	wall() time.Duration
	// even is the time since some fixed point. It runs evenly, even if the wall
	// clock is set.
	even() time.Duration
}

// started is the fixed point of the machine's even clock.
var started = time.Now()

type machineClock struct{}

func (machineClock) wall() time.Duration { return time.Duration(time.Now().UnixNano()) }
func (machineClock) even() time.Duration { return time.Since(started) }

// moment is the same moment as both clocks show it.
type moment struct {
	wall time.Duration
	even time.Duration
}

func momentOf(c clock) moment { return moment{wall: c.wall(), even: c.even()} }

func (m moment) earlier(by time.Duration) moment {
	return moment{wall: m.wall - by, even: m.even - by}
}

// since is the time that has passed since an earlier moment. The clock that
// shows more counts: the wall clock may have been set back, and the even clock
// stands still while a machine sleeps.
func (m moment) since(earlier moment) time.Duration {
	return max(0, m.wall-earlier.wall, m.even-earlier.even)
}
