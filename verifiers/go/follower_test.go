package signetverify

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// page makes a page of a feed.
func page(cursor string, more bool, entries ...map[string]any) map[string]any {
	if entries == nil {
		entries = []map[string]any{}
	}
	return map[string]any{"cursor": cursor, "entries": entries, "removed": []string{}, "more": more}
}

func lifted(cursor string, ids ...string) map[string]any {
	return map[string]any{"cursor": cursor, "entries": []any{}, "removed": ids}
}

// entry denies a value until a minute from now.
func (s *issuer) entry(id, kind, value string) map[string]any {
	hash := sha256.Sum256([]byte(kind + ":" + value))
	now := int64(s.clock.wall() / time.Second)
	return map[string]any{
		"id": id, "kind": kind, "hash": base64.RawURLEncoding.EncodeToString(hash[:]),
		"issued_before": now + 5, "expires_at": now + 600,
	}
}

// feed is the feed of an issuer: a real event stream, and pages for whoever polls.
type feed struct {
	issuer *issuer

	mu sync.Mutex
	// pages answer polls, by the cursor that they follow; "" is the first.
	pages map[string]any
	// greeting is what a new stream says, by the cursor that it follows.
	greeting map[string][]string
	// noEvents is the status that streams get instead; 0 for none.
	noEvents int
	streams  map[chan string]bool
	// after holds the cursors of all streams so far.
	after []string
}

func event(page any) string {
	text, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return "event: blacklist\ndata: " + string(text) + "\n\n"
}

const heartbeat = ": alive\n\n"

func (s *issuer) openFeed() *feed {
	f := &feed{issuer: s, pages: map[string]any{}, greeting: map[string][]string{}, streams: map[chan string]bool{}}
	s.answer(feedPath, f.serve)
	return f
}

func (f *feed) change(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *feed) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	refused, answer := f.noEvents, f.pages[r.URL.Query().Get("after")]
	f.mu.Unlock()
	switch {
	case r.Header.Get("Accept") == "text/event-stream" && refused == 0:
		f.stream(w, r)
	case r.Header.Get("Accept") == "text/event-stream":
		w.WriteHeader(refused)
	case answer == nil:
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		answerJSON(answer)(w, r)
	}
}

func (f *feed) stream(w http.ResponseWriter, r *http.Request) {
	line := make(chan string, 100)
	f.mu.Lock()
	after := r.Header.Get("Last-Event-ID")
	f.after = append(f.after, after)
	f.streams[line] = true
	for _, each := range f.greeting[after] {
		line <- each
	}
	f.mu.Unlock()
	defer f.change(func() { delete(f.streams, line) })
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	for {
		select {
		case text, isOpen := <-line:
			if !isOpen {
				return
			}
			_, _ = w.Write([]byte(text))
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// send writes to all open streams.
func (f *feed) send(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for line := range f.streams {
		line <- text
	}
}

// cut ends all open streams.
func (f *feed) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for line := range f.streams {
		close(line)
		delete(f.streams, line)
	}
}

// followed is an issuer with a key and a feed, and a verifier that follows it.
func followed(t *testing.T, prepare func(*issuer, *feed, *Options)) (*issuer, signingKey, *feed, *Verifier) {
	t.Helper()
	issuer := newIssuer(t)
	feed := issuer.openFeed()
	feed.greeting[""] = []string{event(page("1", false))}
	feed.pages[""], feed.pages["1"] = page("1", false), page("1", false)
	key := issuer.addKey(t, "one")
	verifier := issuer.open(t, func(o *Options) {
		o.Revocations = true
		if prepare != nil {
			prepare(issuer, feed, o)
		}
	})
	return issuer, key, feed, verifier
}

func becomes(t *testing.T, verifier *Verifier, token, wanted string) {
	t.Helper()
	eventually(t, wanted, func() bool { return outcomeOf(verifier, token) == wanted })
}

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

func (f *feed) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.after)
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
