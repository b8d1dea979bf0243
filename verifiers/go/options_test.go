package signetverify

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestAWrongOptionIsRefusedByName(t *testing.T) {
	cases := []struct {
		option string
		change func(*Options)
	}{
		{"Issuer", func(o *Options) { o.Issuer = "" }},
		{"Issuer", func(o *Options) { o.Issuer = "issuer.example" }},
		{"Issuer", func(o *Options) { o.Issuer = "https://" }},
		{"Issuer", func(o *Options) { o.Issuer = "ftp://issuer.example" }},
		{"Issuer", func(o *Options) { o.Issuer = "http://issuer.example" }},
		{"Issuer", func(o *Options) { o.Issuer = "https://ada:secret@issuer.example" }},
		{"Issuer", func(o *Options) { o.Issuer = "https://issuer.example?tenant=1" }},
		{"Issuer", func(o *Options) { o.Issuer = "https://issuer.example#one" }},
		{"Audiences", func(o *Options) { o.Audiences = []string{""} }},
		{"AnyAudience", func(o *Options) { o.AnyAudience = true }},
		{"JWKSURI", func(o *Options) { o.JWKSURI = "http://keys.example/jwks" }},
		{"JWKSURI", func(o *Options) { o.JWKSURI = "::" }},
		{"Algorithms", func(o *Options) { o.Algorithms = []string{} }},
		{"Algorithms", func(o *Options) { o.Algorithms = []string{"ES256", "HS256"} }},
		{"Algorithms", func(o *Options) { o.Algorithms = []string{"none"} }},
		{"Types", func(o *Options) { o.Types = []string{} }},
		{"ClockTolerance", func(o *Options) { o.ClockTolerance = -time.Second }},
		{"ClockTolerance", func(o *Options) { o.ClockTolerance = 61 * time.Second }},
		{"FeedURL", func(o *Options) { o.FeedURL = "https://issuer.example/feed" }},
		{"FeedURL", func(o *Options) { o.Revocations, o.FeedURL = true, "http://issuer.example/feed" }},
		{"Staleness.Max", func(o *Options) { o.Staleness.Max = -time.Minute }},
		{"Staleness.WhenStale", func(o *Options) { o.Staleness.WhenStale = "ajar" }},
		{"ResourceMetadata", func(o *Options) { o.ResourceMetadata = "http://api.example/metadata" }},
		{"ResourceMetadata", func(o *Options) { o.ResourceMetadata = `https://api.example/"` }},
		{"Name", func(o *Options) { o.Name = "orders (api)" }},
		{"Name", func(o *Options) { o.Name = "orders\r\nX-Other: 1" }},
		{"Name", func(o *Options) { o.Name = strings.Repeat("x", 65) }},
	}
	for _, each := range cases {
		options := Options{Issuer: "https://issuer.example", Audience: api}
		each.change(&options)
		verifier, err := New(options)
		var refused *OptionError
		if verifier != nil || !errors.As(err, &refused) || refused.Option != each.option {
			t.Errorf("%s: got %v for %+v", each.option, err, options)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("a password is shown: %v", err)
		}
	}
}

func TestAllowHTTPIsNamedWhereItHelps(t *testing.T) {
	for address, helps := range map[string]bool{"http://issuer.example": true, "http://ada@issuer.example": false, "ftp://issuer.example": false} {
		_, err := New(Options{Issuer: address, Audience: api})
		if err == nil || strings.Contains(err.Error(), "AllowHTTP: true") != helps {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAnIssuerOnLoopbackMayBePlain(t *testing.T) {
	for _, host := range []string{"localhost", "app.localhost:3000", "127.0.0.1", "127.9.9.9:80", "[::1]:3000"} {
		if _, err := New(Options{Issuer: "http://" + host, Audience: api}); err != nil {
			t.Error(err)
		}
	}
	for _, host := range []string{"localhost.example", "127.0.0.1.example", "10.0.0.1", "0.0.0.0", "[fe80::1]"} {
		if _, err := New(Options{Issuer: "http://" + host, Audience: api}); err == nil {
			t.Errorf("%s was taken", host)
		}
	}
}

// The verifiers for Node and Python are tested with the same addresses.
func TestAnAddressThatMayBeReadInTwoWaysIsRefused(t *testing.T) {
	good := []string{
		"http://localhost:3000",
		"http://LOCALHOST",
		"http://app.localhost/x",
		"http://127.0.0.1:80",
		"http://127.9.9.9",
		"http://[::1]:3000",
		"https://issuer.example/",
		"https://issuer.example:8443/a",
	}
	for _, each := range good {
		if _, err := New(Options{Issuer: each, Audience: api}); err != nil {
			t.Error(err)
		}
	}
	bad := []string{
		"http://127.1",
		"http://2130706433",
		"http://0x7f.0.0.1",
		"http://127.0.0.01",
		"http://127.0.0.1.",
		"http://127.0.0.256",
		"http://[::ffff:127.0.0.1]:1",
		"http://[0:0:0:0:0:0:0:1]",
		"http://[::2]",
		"http://localhost.",
		"http://%6cocalhost",
		"http:localhost",
		"http:///localhost",
		"http://localhost:99999",
		"https:issuer.example",
		"https:///issuer.example",
		"https://@issuer.example",
		"https://issuer.example ",
		" https://issuer.example",
		"https://issuer.example/a ",
		"https://issuer.example/a\tb",
		"https://issuer.example\\a",
		"https://issuer.example/\"",
		"https://m\u00fcller.example",
		"https://issuer.example?tenant=a",
		"https://issuer.example?",
		"https://issuer.example#a",
		"https://issuer.example/#",
	}
	for _, each := range bad {
		_, err := New(Options{Issuer: each, Audience: api})
		var refused *OptionError
		if !errors.As(err, &refused) || refused.Option != "Issuer" {
			t.Errorf("%q: got %v", each, err)
		}
	}
}

func TestAllowHTTPWarnsOfEachPlainAddress(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	warnings := func(options Options) int {
		log.Reset()
		options.AllowHTTP, options.Audience = true, api
		if _, err := New(options); err != nil {
			t.Fatal(err)
		}
		return strings.Count(log.String(), "level=WARN")
	}
	expect(t, "plain", warnings(Options{Issuer: "http://signet:3000", JWKSURI: "http://signet:3000/jwks"}), 2)
	if !strings.Contains(log.String(), "http://signet:3000/jwks") {
		t.Errorf("the address is missing: %s", log.String())
	}
	expect(t, "loopback", warnings(Options{Issuer: "http://localhost:3000"}), 0)
	expect(t, "https", warnings(Options{Issuer: "https://issuer.example"}), 0)
}

func TestNothingIsJudgedWithoutAnAudience(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	verifier := issuer.open(t, func(o *Options) { o.Audience = "" })
	_, err := verifier.VerifyToken(context.Background(), token)
	var missing *OptionError
	if !errors.As(err, &missing) || missing.Option != "Audience" {
		t.Fatalf("got %v", err)
	}
	expect(t, "key requests", issuer.count(jwks), 0)
	expect(t, "named at the call", outcomeOf(verifier, token, Overrides{Audience: api}), "accepted")
	expect(t, "another", outcomeOf(verifier, token, Overrides{Audience: "https://other.example"}), "wrong_audience")
	expect(t, "waived by name", outcomeOf(verifier, token, Overrides{AnyAudience: true}), "accepted")
}

func TestACallMayExpectSomethingElse(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	verifier := issuer.open(t, nil)
	now := int64(issuer.clock.wall() / time.Second)
	token := issuer.sign(t, key, map[string]any{"exp": now - 3, "aud": []string{"portal", "other"}})
	expect(t, "standard", outcomeOf(verifier, token), "wrong_audience")
	expect(t, "one of several", outcomeOf(verifier, token, Overrides{Audiences: []string{"app", "portal"}}), "accepted")
	portal := Overrides{Audience: "portal"}
	expect(t, "no tolerance", outcomeOf(verifier, token, portal, Overrides{ClockTolerance: None}), "token_expired")
	expect(t, "another type", outcomeOf(verifier, token, portal, Overrides{Types: []string{"JWT"}}), "wrong_type")
	expect(t, "several types", outcomeOf(verifier, token, portal, Overrides{Types: []string{"JWT", "application/AT+JWT"}}), "accepted")
	expect(t, "another issuer", outcomeOf(verifier, token, portal, Overrides{Issuer: "https://other.example"}), "wrong_issuer")
	expect(t, "the last one counts", outcomeOf(verifier, token, Overrides{Audience: "x"}, portal), "accepted")
	_, err := verifier.VerifyToken(context.Background(), token, Overrides{ClockTolerance: time.Hour})
	var refused *OptionError
	if !errors.As(err, &refused) || refused.Option != "ClockTolerance" {
		t.Fatalf("got %v", err)
	}
	expect(t, "the verifier keeps its own", outcomeOf(verifier, token), "wrong_audience")
}
