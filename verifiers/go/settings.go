package signetverify

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// settings are checked options.
type settings struct {
	rules      rules
	algorithms []string
	jwksURI    string
	feedURL    string
	userAgent  string
	clock      clock
	// resourceMetadata is empty if challenges name none.
	resourceMetadata string
}

func readOptions(o Options) (settings, error) {
	if o.Issuer == "" {
		return settings{}, wrong("Issuer", "is missing: the URL that tokens have in iss")
	}
	plain, err := checkAddresses(o)
	if err != nil {
		return settings{}, err
	}
	standard := rules{
		types: []string{"at+jwt"}, tolerance: defaultTolerance,
		staleness: Staleness{Max: defaultMaxStaleness, WhenStale: Closed},
	}
	read, err := standard.with(o.overrides())
	if err != nil {
		return settings{}, err
	}
	algorithms, err := readAlgorithms(o.Algorithms)
	if err != nil {
		return settings{}, err
	}
	agent, err := userAgentOf(o.Name)
	if err != nil {
		return settings{}, err
	}
	warnOfPlain(plain)
	return settings{
		rules: read, algorithms: algorithms, jwksURI: o.JWKSURI, feedURL: o.feedURL(),
		userAgent: agent, clock: o.readClock(), resourceMetadata: o.ResourceMetadata,
	}, nil
}

func (o Options) overrides() Overrides {
	return Overrides{
		Issuer: o.Issuer, Audience: o.Audience, Audiences: o.Audiences, AnyAudience: o.AnyAudience,
		Types: o.Types, ClockTolerance: o.ClockTolerance, Staleness: o.Staleness,
	}
}

func (o Options) readClock() clock {
	if o.clock == nil {
		return machineClock{}
	}
	return o.clock
}

// feedURL is empty if revocations are not followed.
func (o Options) feedURL() string {
	if !o.Revocations || o.FeedURL != "" {
		return o.FeedURL
	}
	return strings.TrimSuffix(o.Issuer, "/") + "/blacklist/feed"
}

// checkAddresses returns those addresses that AllowHTTP allows.
func checkAddresses(o Options) (plain []string, err error) {
	if o.FeedURL != "" && !o.Revocations {
		return nil, wrong("FeedURL", "is set, and Revocations is not: set Revocations: true to follow the feed")
	}
	addresses := []struct{ option, value string }{
		{"Issuer", o.Issuer}, {"JWKSURI", o.JWKSURI}, {"FeedURL", o.FeedURL},
		{"ResourceMetadata", o.ResourceMetadata},
	}
	for _, each := range addresses {
		if each.value == "" {
			continue
		}
		if err := requireSafe(each.value, o.AllowHTTP); err != nil {
			return nil, wrong(each.option, "%s%s", err, hintFor(each.value))
		}
		// A challenge that names a plain address puts no key at risk.
		if isPlain(each.value) && each.option != "ResourceMetadata" {
			plain = append(plain, each.option+" "+shownURL(each.value))
		}
	}
	// RFC 8414 section 2.
	if strings.ContainsAny(o.Issuer, "?#") {
		return nil, wrong("Issuer", "has a query or a fragment: %s", shownURL(o.Issuer))
	}
	return plain, nil
}

// hintFor names the option that takes an address which was refused, if there is one.
func hintFor(address string) string {
	if requireSafe(address, true) != nil {
		return ""
	}
	return "; on a private network in development, AllowHTTP: true takes it"
}

func warnOfPlain(addresses []string) {
	for _, address := range addresses {
		slog.Warn("signetverify: AllowHTTP: anybody on the network can replace keys and revocations", "address", address)
	}
}

var nameForm = regexp.MustCompile(`^[\x21-\x27\x2A-\x7E][\x20-\x27\x2A-\x7E]{0,63}$`)

// userAgentOf is the User-Agent by which an issuer knows which APIs have
// fetched its next key.
func userAgentOf(name string) (string, error) {
	if name == "" {
		return "signet-verifier/" + Version, nil
	}
	if !nameForm.MatchString(name) {
		return "", wrong("Name", "is %q: 1 to 64 printable ASCII characters, without parentheses", name)
	}
	return fmt.Sprintf("signet-verifier/%s (%s)", Version, name), nil
}
