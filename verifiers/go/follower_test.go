package signetverify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAnEventDeniesATokenAndAnotherLiftsIt(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	token, other := issuer.sign(t, key, map[string]any{"jti": "a"}), issuer.sign(t, key, map[string]any{"jti": "b"})
	expect(t, "idle", verifier.RevocationStatus().Mode, ModeIdle)
	expect(t, "before", outcomeOf(verifier, token), "accepted")
	expect(t, "mode", verifier.RevocationStatus().Mode, ModeEvents)
	feed.send(event(page("2", false, issuer.entry("e", "jti", "a"))))
	becomes(t, verifier, token, "token_revoked")
	expect(t, "another", outcomeOf(verifier, other), "accepted")
	feed.send(event(lifted("3", "e")))
	becomes(t, verifier, token, "accepted")
	status := verifier.RevocationStatus()
	expect(t, "cursor", status.Cursor, "3")
	expect(t, "entries", status.Entries, 0)
	expect(t, "loaded", status.IsLoaded, true)
}

func TestEachKindOfEntryDenies(t *testing.T) {
	claims := map[string]any{"jti": "j", "sid": "s", "sub": "ada", "client_id": "shop"}
	for kind, value := range map[string]string{"jti": "j", "sid": "s", "sub": "ada", "client_id": "shop", "kid": "one"} {
		issuer, key, _, verifier := followed(t, func(s *issuer, f *feed, _ *Options) {
			f.greeting[""] = []string{event(page("1", false, s.entry("e", kind, value)))}
		})
		expect(t, kind, outcomeOf(verifier, issuer.sign(t, key, claims)), "token_revoked")
		later := map[string]any{"iat": int64(issuer.clock.wall()/time.Second) + 8}
		issuer.clock.advance(4 * time.Second)
		expect(t, kind+", issued later", outcomeOf(verifier, issuer.sign(t, key, later)), "accepted")
	}
}

func TestARevokedKeyIsFetchedAwayAndItsTokensAreRevoked(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	token := issuer.sign(t, key, nil)
	expect(t, "before", outcomeOf(verifier, token), "accepted")
	next := newKey(t, "next")
	issuer.publish(next.jwk())
	feed.send(event(page("2", false, issuer.entry("e", "kid", "one"))))
	becomes(t, verifier, token, "token_revoked")
	eventually(t, "another fetch", func() bool { return issuer.count(jwks) > 1 })
	expect(t, "next", outcomeOf(verifier, issuer.sign(t, next, nil)), "accepted")
	expect(t, "not an unknown key", outcomeOf(verifier, token), "token_revoked")
}

func TestARevokedKeyThatLeftTheSetNeedsNoIssuer(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	token := issuer.sign(t, key, nil)
	expect(t, "before", outcomeOf(verifier, token), "accepted")
	next := newKey(t, "next")
	issuer.publish(next.jwk())
	feed.send(event(page("2", false, issuer.entry("e", "kid", "one"))))
	eventually(t, "another fetch", func() bool {
		return issuer.count(jwks) > 1 && outcomeOf(verifier, issuer.sign(t, next, nil)) == "accepted"
	})
	issuer.answer(jwks, answerStatus(http.StatusInternalServerError))
	issuer.clock.advance(5 * time.Second)
	expect(t, "unknown", outcomeOf(verifier, issuer.sign(t, newKey(t, "invented"), nil)), "issuer_unavailable")
	expect(t, "revoked", outcomeOf(verifier, token), "token_revoked")
}

func TestAfterAnInterruptionTheFollowerGoesOnWhereItWas(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(s *issuer, f *feed, _ *Options) {
		f.greeting["2"] = []string{event(page("3", false, s.entry("f", "jti", "b")))}
	})
	first, second := issuer.sign(t, key, map[string]any{"jti": "a"}), issuer.sign(t, key, map[string]any{"jti": "b"})
	expect(t, "before", outcomeOf(verifier, first), "accepted")
	feed.send(event(page("2", false, issuer.entry("e", "jti", "a"))))
	becomes(t, verifier, first, "token_revoked")
	feed.cut()
	becomes(t, verifier, second, "token_revoked")
	expect(t, "still", outcomeOf(verifier, first), "token_revoked")
	feed.change(func() { expect(t, "cursors", strings.Join(feed.after, ","), ",2") })
}

func TestWithoutEventsTheFollowerPolls(t *testing.T) {
	for _, status := range []int{http.StatusNotAcceptable, http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			issuer, key, feed, verifier := followed(t, func(_ *issuer, f *feed, _ *Options) { f.noEvents = status })
			token := issuer.sign(t, key, map[string]any{"jti": "a"})
			expect(t, "before", outcomeOf(verifier, token), "accepted")
			expect(t, "mode", verifier.RevocationStatus().Mode, ModePolling)
			feed.change(func() {
				feed.pages["1"] = page("2", false, issuer.entry("e", "jti", "a"))
				feed.pages["2"] = page("2", false)
			})
			becomes(t, verifier, token, "token_revoked")
		})
	}
}

func TestACursorThatGoesBackStartsTheListOver(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	old, restored := issuer.sign(t, key, map[string]any{"jti": "a"}), issuer.sign(t, key, map[string]any{"jti": "b"})
	expect(t, "before", outcomeOf(verifier, old), "accepted")
	feed.send(event(page("9", false, issuer.entry("e", "jti", "a"))))
	becomes(t, verifier, old, "token_revoked")
	feed.change(func() {
		feed.greeting["9"] = []string{event(page("3", false))}
		feed.greeting[""] = []string{event(page("2", true, issuer.entry("f", "jti", "b")))}
		feed.pages["9"], feed.pages[""], feed.pages["2"] = page("3", false), nil, nil
	})
	feed.cut()
	open := Overrides{Staleness: Staleness{WhenStale: Open}}
	eventually(t, "the first page of the new list", func() bool { return outcomeOf(verifier, restored, open) == "token_revoked" })
	expect(t, "both lists deny", outcomeOf(verifier, old, open), "token_revoked")
	feed.send(event(page("3", false)))
	becomes(t, verifier, old, "accepted")
	expect(t, "the new list", outcomeOf(verifier, restored), "token_revoked")
	expect(t, "cursor", verifier.RevocationStatus().Cursor, "3")
}

func TestAPollThatStartsTheListOverEndsTheFormerStream(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(_ *issuer, f *feed, _ *Options) {
		f.greeting[""], f.greeting["3"] = []string{event(page("5", false))}, []string{event(page("3", false))}
		f.pages["5"], f.pages[""], f.pages["3"] = page("3", false), page("3", false), page("3", false)
	})
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	issuer.clock.advance(time.Second)
	strict := Overrides{Staleness: Staleness{Max: None}}
	expect(t, "by a poll", outcomeOf(verifier, issuer.sign(t, key, nil), strict), "accepted")
	eventually(t, "a stream of the new list", func() bool { return feed.opened() == 2 })
	feed.change(func() { expect(t, "cursors", strings.Join(feed.after, ","), ",3") })
}

func TestAProxyThatHoldsTheStreamBackDoesNotHoldTokensBack(t *testing.T) {
	t.Parallel()
	issuer, key, _, verifier := followed(t, func(_ *issuer, f *feed, _ *Options) { f.greeting[""] = nil })
	expect(t, "verdict", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	expect(t, "mode", verifier.RevocationStatus().Mode, ModePolling)
}

func TestNonsenseInTheFeedDoesNoHarm(t *testing.T) {
	broken := []string{"event: blacklist\ndata: [\n\n", "event: blacklist\ndata: {\"cursor\":9}\n\n", event(nil), event(page("x", false))}
	for _, each := range broken {
		issuer, key, feed, verifier := followed(t, func(s *issuer, f *feed, _ *Options) {
			good := s.entry("e", "jti", "a")
			nonsense := []any{nil, 17, map[string]any{}, []any{}, map[string]any{"id": "x", "kind": "moon", "hash": good["hash"]}, good}
			f.greeting[""] = []string{event(map[string]any{"cursor": "1", "entries": nonsense, "removed": []any{nil, 3, "q"}})}
		})
		token := issuer.sign(t, key, map[string]any{"jti": "a"})
		expect(t, "before", outcomeOf(verifier, token), "token_revoked")
		expect(t, "entries", verifier.RevocationStatus().Entries, 1)
		feed.send(each)
		eventually(t, "a new connection", func() bool { return feed.opened() == 2 })
		expect(t, each, outcomeOf(verifier, token), "token_revoked")
	}
}

func TestEventsThatAreNotMeantForFollowersAreSignsOfLife(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	issuer.clock.advance(15 * time.Second)
	feed.send("data: {\n\n")
	eventually(t, "a sign of life", func() bool { return verifier.RevocationStatus().Silence == 0 })
	expect(t, "connections", feed.opened(), 1)
}

func TestStreamsThatAProxyEndsGiveWayToPolling(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(_ *issuer, f *feed, _ *Options) { f.greeting["1"] = f.greeting[""] })
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	for count := range mostShortStreams {
		eventually(t, "a stream", func() bool { return feed.opened() > count })
		eventually(t, "events", func() bool { return verifier.RevocationStatus().Mode == ModeEvents })
		feed.cut()
		eventually(t, "the end of the stream", func() bool { return verifier.RevocationStatus().Mode != ModeEvents })
	}
	eventually(t, "polling", func() bool { return verifier.RevocationStatus().Mode == ModePolling })
	issuer.clock.advance(busyFor)
	eventually(t, "events again", func() bool { return feed.opened() == mostShortStreams+1 })
}

func TestCloseEndsAnOpenStream(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	_ = verifier.Close()
	eventually(t, "the end of the stream", func() bool {
		feed.mu.Lock()
		defer feed.mu.Unlock()
		return len(feed.streams) == 0
	})
	expect(t, "mode", verifier.RevocationStatus().Mode, ModeClosed)
	expect(t, "after", outcomeOf(verifier, issuer.sign(t, key, nil)), "issuer_unavailable")
}

func TestAPageIsBounded(t *testing.T) {
	issuer, key, _, verifier := followed(t, func(_ *issuer, f *feed, _ *Options) {
		f.noEvents = http.StatusNotAcceptable
		large := page("2", false)
		large["padding"] = strings.Repeat("x", mostPageBytes)
		f.pages[""], f.pages["1"] = page("1", true), large
	})
	expect(t, "verdict", outcomeOf(verifier, issuer.sign(t, key, nil)), "revocations_stale")
	if told := verifier.RevocationStatus().LastError; !strings.Contains(told, "answered more than") {
		t.Error(told)
	}
}

func TestAnIssuerWithoutAFeedIsNamed(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	verifier := issuer.open(t, func(o *Options) { o.Revocations = true })
	_, err := verifier.VerifyToken(context.Background(), token)
	var refused *TokenError
	if !errors.As(err, &refused) || refused.Code != RevocationsStale || !strings.Contains(refused.Description, "answered 404") {
		t.Fatalf("got %v", err)
	}
}
