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

func TestNoVerdictComesBeforeTheLastPage(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(s *issuer, f *feed, _ *Options) {
		f.greeting[""], f.pages = []string{event(page("1", true))}, map[string]any{}
	})
	denied := issuer.sign(t, key, map[string]any{"jti": "a"})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := verifier.VerifyToken(ctx, denied)
	var refused *TokenError
	if !errors.As(err, &refused) || refused.Code != RevocationsStale || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err = verifier.VerifyToken(ctx, denied, Overrides{Staleness: Staleness{WhenStale: Open}})
	if !errors.As(err, &refused) || refused.Code != RevocationsStale {
		t.Fatalf("open, and nothing is loaded: got %v", err)
	}
	// A heartbeat between two pages does not mean that the list is complete.
	feed.send(heartbeat)
	expect(t, "loaded", verifier.RevocationStatus().IsLoaded, false)
	feed.send(event(page("2", true, issuer.entry("e", "jti", "a"))))
	feed.send(event(page("3", false)))
	expect(t, "after the last page", outcomeOf(verifier, denied), "token_revoked")
	expect(t, "cursor", verifier.RevocationStatus().Cursor, "3")
}

func TestSilenceIsJudgedByTheRoute(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(_ *issuer, _ *feed, o *Options) { o.Staleness.Max = time.Minute })
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	feed.change(func() { feed.noEvents, feed.pages = http.StatusBadGateway, map[string]any{} })
	feed.cut()
	issuer.clock.advance(90 * time.Second)
	token := issuer.sign(t, key, nil)
	expect(t, "closed", outcomeOf(verifier, token), "revocations_stale")
	expect(t, "open", outcomeOf(verifier, token, Overrides{Staleness: Staleness{WhenStale: Open}}), "accepted")
	expect(t, "a longer bound", outcomeOf(verifier, token, Overrides{Staleness: Staleness{Max: time.Hour}}), "accepted")
	answer := ask(t, verifier.Middleware(showSubject), "Bearer "+token)
	expect(t, "answer", fmt.Sprint(answer.status, answer.header.Get("Retry-After")), "5035")
	if told := fmt.Sprint(answer.body["error_description"]); !strings.Contains(told, "answered 50") {
		t.Errorf("the reason is missing: %s", told)
	}
}

func TestAShortBoundAsksTheIssuerInsteadOfRefusing(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	token := issuer.sign(t, key, map[string]any{"jti": "a"})
	expect(t, "before", outcomeOf(verifier, token), "accepted")
	feed.change(func() { feed.pages["1"] = page("2", false, issuer.entry("e", "jti", "a")) })
	issuer.clock.advance(5 * time.Second)
	expect(t, "the stream has told nothing", outcomeOf(verifier, token), "accepted")
	strict := Overrides{Staleness: Staleness{Max: None}}
	expect(t, "asked for this token", outcomeOf(verifier, token, strict), "token_revoked")
}

func TestAHeartbeatKeepsTheListFresh(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	issuer.clock.advance(15 * time.Second)
	expect(t, "silence", verifier.RevocationStatus().Silence, 15*time.Second)
	feed.send(heartbeat)
	eventually(t, "a heartbeat", func() bool { return verifier.RevocationStatus().Silence == 0 })
}

func TestAMachineThatSleptDoesNotBelieveOldBytes(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	// While a machine sleeps the wall clock goes on, and the even clock stands.
	issuer.clock.jump(10 * time.Minute)
	feed.change(func() { feed.noEvents, feed.pages = http.StatusBadGateway, map[string]any{} })
	feed.send(heartbeat)
	eventually(t, "a new connection", func() bool { return verifier.RevocationStatus().Mode == ModeConnecting })
	expect(t, "silence", verifier.RevocationStatus().Silence, 10*time.Minute)
	expect(t, "verdict", outcomeOf(verifier, issuer.sign(t, key, nil)), "revocations_stale")
}

func TestAClockThatIsAheadForAWhileForgetsNothing(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(s *issuer, f *feed, _ *Options) {
		f.greeting[""] = []string{event(page("1", false, s.entry("e", "jti", "a")))}
	})
	token := issuer.sign(t, key, map[string]any{"jti": "a"})
	expect(t, "before", outcomeOf(verifier, token), "token_revoked")
	issuer.clock.jump(time.Hour)
	feed.send(event(page("2", false)))
	eventually(t, "the event", func() bool { return verifier.RevocationStatus().Cursor == "2" })
	issuer.clock.jump(-time.Hour)
	expect(t, "after", outcomeOf(verifier, token), "token_revoked")
}

func TestEntriesThatHaveEndedAreForgotten(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(s *issuer, f *feed, _ *Options) {
		f.greeting[""] = []string{event(page("1", false, s.entry("e", "jti", "a")))}
	})
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, map[string]any{"jti": "a"})), "token_revoked")
	issuer.clock.advance(601 * time.Second)
	feed.send(heartbeat)
	eventually(t, "an empty list", func() bool { return verifier.RevocationStatus().Entries == 0 })
}

func TestALaterEventIsNoOlderThanItsArrival(t *testing.T) {
	issuer, key, feed, verifier := followed(t, nil)
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	issuer.clock.advance(15 * time.Second)
	feed.send(event(page("2", false)))
	eventually(t, "the event", func() bool { return verifier.RevocationStatus().Cursor == "2" })
	expect(t, "silence", verifier.RevocationStatus().Silence, time.Duration(0))
}

func TestATokenMayExpireWhileItWaits(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(_ *issuer, f *feed, _ *Options) {
		f.greeting[""], f.pages = []string{event(page("1", true))}, map[string]any{}
	})
	token := issuer.sign(t, key, nil)
	verdict := make(chan string)
	go func() { verdict <- outcomeOf(verifier, token) }()
	eventually(t, "a stream", func() bool { return feed.opened() == 1 })
	issuer.clock.advance(700 * time.Second)
	feed.send(event(page("2", false)))
	feed.change(func() { feed.pages["2"] = page("2", false) })
	expect(t, "verdict", <-verdict, "token_expired")
}

func TestCloseJudgesNoTokenByAListThatIsNotLoaded(t *testing.T) {
	issuer, key, feed, verifier := followed(t, func(_ *issuer, f *feed, o *Options) {
		f.greeting[""], f.pages = []string{event(page("1", true))}, map[string]any{}
		o.Staleness.WhenStale = Open
	})
	verdict := make(chan string)
	go func() { verdict <- outcomeOf(verifier, issuer.sign(t, key, nil)) }()
	eventually(t, "a stream", func() bool { return feed.opened() == 1 })
	_ = verifier.Close()
	expect(t, "verdict", <-verdict, "revocations_stale")
}
