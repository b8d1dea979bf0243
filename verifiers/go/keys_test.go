package signetverify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestManyTokensShareOneFetch(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	verifier := issuer.open(t, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Add(1)
		go func() {
			defer all.Done()
			if real := outcomeOf(verifier, token); real != "accepted" {
				t.Error(real)
			}
		}()
	}
	all.Wait()
	expect(t, "discovery", issuer.count(discovery), 1)
	expect(t, "key set", issuer.count(jwks), 1)
}

func TestKeysAreFetchedAgainWhenTheyExpire(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	verifier := issuer.open(t, nil)
	judgeNow := func() string { return outcomeOf(verifier, issuer.sign(t, key, nil)) }
	expect(t, "first", judgeNow(), "accepted")
	issuer.clock.advance(299 * time.Second)
	expect(t, "within max-age", judgeNow(), "accepted")
	expect(t, "fetches", issuer.count(jwks), 1)
	issuer.clock.advance(2 * time.Second)
	expect(t, "just expired", judgeNow(), "accepted")
	eventually(t, "a second fetch", func() bool { return issuer.count(jwks) == 2 })
}

func TestAKeyThatLeftIsUnknown(t *testing.T) {
	issuer := newIssuer(t)
	gone := issuer.addKey(t, "gone")
	verifier := issuer.open(t, nil)
	token := issuer.sign(t, gone, nil)
	expect(t, "before", outcomeOf(verifier, token), "accepted")
	issuer.publish(newKey(t, "next").jwk())
	issuer.clock.advance(400 * time.Second)
	expect(t, "after", outcomeOf(verifier, token), "unknown_key")
}

func TestUnknownKeysAreAskedForAtOnceAndThenRarely(t *testing.T) {
	issuer := newIssuer(t)
	verifier := issuer.open(t, nil)
	expect(t, "known", outcomeOf(verifier, issuer.sign(t, issuer.addKey(t, "one"), nil)), "accepted")
	expect(t, "rotated in", outcomeOf(verifier, issuer.sign(t, issuer.addKey(t, "two"), nil)), "accepted")
	expect(t, "fetches", issuer.count(jwks), 2)
	invent := func() {
		for at := range 20 {
			token := issuer.sign(t, newKey(t, fmt.Sprint("invented", at)), nil)
			expect(t, "invented", outcomeOf(verifier, token), "unknown_key")
		}
	}
	invent()
	expect(t, "fetches within five seconds", issuer.count(jwks), 2)
	issuer.clock.advance(5 * time.Second)
	invent()
	expect(t, "fetches after five seconds", issuer.count(jwks), 3)
}

func TestAnUnknownKeyWhileTheIssuerIsAwayIsNotTheTokensFault(t *testing.T) {
	issuer := newIssuer(t)
	verifier := issuer.open(t, nil)
	known := issuer.addKey(t, "one")
	expect(t, "known", outcomeOf(verifier, issuer.sign(t, known, nil)), "accepted")
	issuer.answer(jwks, answerStatus(http.StatusInternalServerError))
	expect(t, "unknown", outcomeOf(verifier, issuer.sign(t, newKey(t, "two"), nil)), "issuer_unavailable")
	expect(t, "still known", outcomeOf(verifier, issuer.sign(t, known, nil)), "accepted")
}

func TestPresentKeysServeForAnHourWithoutTheIssuer(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	verifier := issuer.open(t, nil)
	judgeNow := func() string { return outcomeOf(verifier, issuer.sign(t, key, nil)) }
	expect(t, "first", judgeNow(), "accepted")
	issuer.answer(jwks, answerStatus(http.StatusBadGateway))
	issuer.clock.advance(300*time.Second + 59*time.Minute)
	expect(t, "the first token after a silence waits for a fetch", judgeNow(), "accepted")
	issuer.clock.advance(time.Minute)
	expect(t, "after an hour", judgeNow(), "issuer_unavailable")
}

func TestAnIssuerThatFailedIsAskedAgainAfterFiveSeconds(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	good := issuer.answers[jwks]
	issuer.answer(jwks, answerStatus(http.StatusServiceUnavailable))
	verifier := issuer.open(t, nil)
	token := issuer.sign(t, key, nil)
	for range 3 {
		expect(t, "away", outcomeOf(verifier, token), "issuer_unavailable")
	}
	expect(t, "fetches", issuer.count(jwks), 1)
	issuer.answer(jwks, good)
	issuer.clock.advance(5 * time.Second)
	expect(t, "back", outcomeOf(verifier, token), "accepted")
}

func TestAnEntityTagSavesTheSet(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	var tags []string
	issuer.answer(jwks, func(w http.ResponseWriter, r *http.Request) {
		tags = append(tags, r.Header.Get("If-None-Match"))
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		answerJSON(map[string]any{"keys": issuer.published()})(w, r)
	})
	verifier := issuer.open(t, nil)
	for range 2 {
		expect(t, "verdict", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
		issuer.clock.advance(400 * time.Second)
	}
	expect(t, "tags", strings.Join(tags, " "), ` "v1"`)
}

func TestAChangeDuringAFetchIsFetchedAgain(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	asked, release := make(chan struct{}, 10), make(chan struct{})
	good := issuer.answers[jwks]
	issuer.answer(jwks, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		good(w, r)
	})
	verifier := issuer.open(t, nil)
	verdict := make(chan string)
	go func() { verdict <- outcomeOf(verifier, issuer.sign(t, key, nil)) }()
	<-asked
	issuer.clock.advance(time.Second)
	verifier.keys.suspectChange()
	close(release)
	expect(t, "first", <-verdict, "accepted")
	expect(t, "second", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	eventually(t, "a second fetch", func() bool { return issuer.count(jwks) == 2 })
}

func TestTheAPIIntroducesItself(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	outcomeOf(issuer.open(t, func(o *Options) { o.Name = "orders-api" }), token)
	if len(issuer.agents) != 1 || !issuer.agents["signet-verifier/"+Version+" (orders-api)"] {
		t.Fatalf("got %v", issuer.agents)
	}
}

func TestWhoeverWaitsNoLongerIsToldSo(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	asked, release := make(chan struct{}, 1), make(chan struct{})
	good := issuer.answers[jwks]
	issuer.answer(jwks, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		good(w, r)
	})
	verifier := issuer.open(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-asked
		cancel()
	}()
	_, err := verifier.VerifyToken(ctx, token)
	var refused *TokenError
	if !errors.As(err, &refused) || refused.Code != IssuerUnavailable || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	close(release)
	expect(t, "the fetch goes on for others", outcomeOf(verifier, token), "accepted")
}

func TestCloseEndsWhatIsRunning(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	asked := make(chan struct{}, 1)
	issuer.answer(jwks, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	verifier := issuer.open(t, nil)
	verdict := make(chan string)
	go func() { verdict <- outcomeOf(verifier, token) }()
	<-asked
	_ = verifier.Close()
	expect(t, "waiting", <-verdict, "issuer_unavailable")
	expect(t, "afterwards", outcomeOf(verifier, token), "issuer_unavailable")
	expect(t, "closing twice", verifier.Close(), nil)
}

func TestTheIssuerBoundsHowLongKeysAreKept(t *testing.T) {
	cases := []struct {
		control string
		ages    []string
		wanted  time.Duration
	}{
		{"public, max-age=300", nil, 300 * time.Second},
		{"max-age=300", []string{"100"}, 200 * time.Second},
		{"max-age=300", []string{"100", "20, 250"}, 50 * time.Second},
		{"max-age=300", []string{"299"}, leastFresh},
		{"max-age=300", []string{"soon"}, leastFresh},
		{"max-age=300", []string{"-5"}, leastFresh},
		{"max-age=999999999", nil, mostFresh},
		{"max-age=0", nil, leastFresh},
		{"no-store", nil, leastFresh},
		{"No-Cache, max-age=300", nil, leastFresh},
		{"", nil, unsaidFresh},
		{"max-age=-1", nil, unsaidFresh},
	}
	for _, each := range cases {
		header := http.Header{"Cache-Control": {each.control}, "Age": each.ages}
		expect(t, fmt.Sprint(each.control, each.ages), freshFor(header), each.wanted)
	}
}
