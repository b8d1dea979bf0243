package signetverify

import (
	"slices"
	"strings"
	"time"
)

const (
	defaultTolerance    = 5 * time.Second
	mostTolerance       = 60 * time.Second
	defaultMaxStaleness = 300 * time.Second
)

// rules are the expectations that every token has to meet.
type rules struct {
	issuer string
	// audiences are the names of this API; any takes every audience. If neither
	// is set, each call has to name one.
	audiences   []string
	anyAudience bool
	// types are in lower case, without application/.
	types     []string
	tolerance time.Duration
	staleness Staleness
}

func (r rules) namesAudience() bool { return r.anyAudience || len(r.audiences) > 0 }

// errNoAudience is returned instead of a verdict: without the check, tokens for
// other APIs would pass.
var errNoAudience = wrong("Audience",
	"is missing: name this API as tokens do in aud, or waive the check by name: AnyAudience: true")

// with returns the rules with the changes of one call or route.
func (r rules) with(o Overrides) (rules, error) {
	if o.Issuer != "" {
		r.issuer = o.Issuer
	}
	if err := r.setAudience(o); err != nil {
		return r, err
	}
	if o.Types != nil {
		if len(o.Types) == 0 {
			return r, wrong("Types", "is an empty list: every token would be refused")
		}
		r.types = make([]string, len(o.Types))
		for at, typ := range o.Types {
			r.types[at] = normalType(typ)
		}
	}
	var err error
	if r.tolerance, err = readDuration("ClockTolerance", o.ClockTolerance, r.tolerance); err != nil {
		return r, err
	}
	if r.tolerance > mostTolerance {
		return r, wrong("ClockTolerance", "is %s, and at most %s: with more, an expired token lives on", r.tolerance, mostTolerance)
	}
	r.staleness, err = r.staleness.with(o.Staleness)
	return r, err
}

// setAudience waives the check by name only. A missing audience never waives it.
func (r *rules) setAudience(o Overrides) error {
	names := slices.Clone(o.Audiences)
	if o.Audience != "" {
		names = append([]string{o.Audience}, names...)
	}
	if slices.Contains(names, "") {
		return wrong("Audiences", "holds an empty name")
	}
	if o.AnyAudience && len(names) > 0 {
		return wrong("AnyAudience", "is set beside names of this API: leave one of them out")
	}
	if o.AnyAudience || len(names) > 0 {
		r.audiences, r.anyAudience = names, o.AnyAudience
	}
	return nil
}

func (s Staleness) with(o Staleness) (Staleness, error) {
	longest, err := readDuration("Staleness.Max", o.Max, s.Max)
	if err != nil {
		return s, err
	}
	s.Max = longest
	switch o.WhenStale {
	case Open, Closed:
		s.WhenStale = o.WhenStale
	case "":
	default:
		return s, wrong("Staleness.WhenStale", "is %q, and it is Open or Closed", string(o.WhenStale))
	}
	return s, nil
}

// readDuration returns the given duration: zero keeps the one before, and None is zero.
func readDuration(option string, given, before time.Duration) (time.Duration, error) {
	switch {
	case given == 0:
		return before, nil
	case given == None:
		return 0, nil
	case given < 0:
		return 0, wrong(option, "is %s: it is a duration, or None for no time at all", given)
	default:
		return given, nil
	}
}

// normalType ignores case and application/ (RFC 7515 section 4.1.9).
func normalType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
