package signetverify

import (
	"fmt"
	"time"
)

// None stands for a duration of zero in Options, Overrides and Staleness, where
// a duration that is not set means the default.
const None time.Duration = -1

// WhenStale is the behaviour when the issuer has been silent for too long.
type WhenStale string

const (
	// Closed asks the issuer once more, and then refuses with RevocationsStale.
	// It is the default.
	Closed WhenStale = "closed"
	// Open goes on with the list as it was last heard.
	Open WhenStale = "open"
)

// Staleness bounds the age of revocation data.
type Staleness struct {
	// Max is the longest silence of the issuer; 5 minutes by default. With None
	// the issuer is asked for each token.
	Max time.Duration
	// WhenStale is Closed by default.
	WhenStale WhenStale
}

// Options are the options of a verifier. Only Issuer is required, and Audience
// here or at each call.
type Options struct {
	// Issuer is the exact iss: an https URL, or http on loopback. The keys are
	// found by its discovery document, which has to name exactly this issuer.
	Issuer string
	// Audience is the name of this API, as tokens have it in aud. Without it no
	// token is judged, unless AnyAudience waives the check.
	Audience string
	// Audiences are more names of this API; one of all names has to be in aud.
	Audiences []string
	// AnyAudience takes tokens for any API.
	AnyAudience bool
	// JWKSURI is the address of the keys, such as that of a resource with keys
	// of its own. Without it the keys are found by discovery.
	JWKSURI string
	// Algorithms are the accepted signature algorithms. Only asymmetric ones are
	// possible; all of them by default.
	Algorithms []string
	// Types are the accepted typ; at+jwt by default (RFC 9068 section 2.1). An
	// empty string stands for a token without typ.
	Types []string
	// ClockTolerance is the time that the clocks may differ: 5 seconds by
	// default, 60 seconds at most.
	ClockTolerance time.Duration
	// Revocations follows the issuer's blacklist feed. It is off by default,
	// because only Signet has a feed.
	Revocations bool
	// FeedURL is the address of the feed; ISSUER/blacklist/feed by default.
	FeedURL string
	// Staleness bounds the age of revocation data.
	Staleness Staleness
	// AllowHTTP allows addresses of plain http that are not on loopback, for a
	// private network in development. It logs a warning, because an attacker on
	// the way can replace keys and revocations.
	AllowHTTP bool
	// ResourceMetadata is the address of the API's own metadata (RFC 9728); every
	// challenge names it.
	ResourceMetadata string
	// Name introduces this API to the issuer, such as orders-api: 1 to 64
	// printable ASCII characters, without parentheses.
	Name string

	// clock is moved by tests.
	clock clock
}

// Overrides are expectations that differ for one call or one route. What is not
// set stays as the verifier has it.
type Overrides struct {
	// Issuer is the exact iss.
	Issuer string
	// Audience and Audiences replace the names of this API.
	Audience  string
	Audiences []string
	// AnyAudience takes tokens for any API.
	AnyAudience bool
	// Types are the accepted typ.
	Types []string
	// ClockTolerance is the time that the clocks may differ.
	ClockTolerance time.Duration
	// Staleness bounds the age of revocation data.
	Staleness Staleness
}

// OptionError names an option that is missing or wrong. It is returned by New,
// and by VerifyToken for a wrong override; it never speaks of a token.
type OptionError struct {
	// Option is the name of the field.
	Option string
	// Fault says what was read and what is accepted.
	Fault string
}

// Error returns the option and its fault.
func (e *OptionError) Error() string { return "signetverify: " + e.Option + " " + e.Fault }

func wrong(option, format string, values ...any) *OptionError {
	return &OptionError{Option: option, Fault: fmt.Sprintf(format, values...)}
}
