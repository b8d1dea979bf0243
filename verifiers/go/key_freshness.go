package signetverify

import (
	"net/http"
	"regexp"
	"strconv"
	"time"
)

const (
	// Bounds of the time for which the issuer lets its keys be cached; Signet
	// says five minutes.
	leastFresh  = 30 * time.Second
	mostFresh   = 600 * time.Second
	unsaidFresh = 300 * time.Second
)

var (
	notCached = regexp.MustCompile(`(?i)\bno-(store|cache)\b`)
	maxAge    = regexp.MustCompile(`(?i)\bmax-age="?(\d{1,9})`)
)

// freshFor is the rest of max-age, within bounds: a set is neither fetched all
// the time nor kept for days.
func freshFor(header http.Header) time.Duration {
	control := header.Get("Cache-Control")
	if notCached.MatchString(control) {
		return leastFresh
	}
	said := maxAge.FindStringSubmatch(control)
	if said == nil {
		return unsaidFresh
	}
	seconds, err := strconv.Atoi(said[1])
	if err != nil {
		return unsaidFresh
	}
	left := time.Duration(seconds)*time.Second - timeInCaches(header)
	return min(max(left, leastFresh), mostFresh)
}
