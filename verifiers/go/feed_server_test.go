package signetverify

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
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

func (f *feed) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.after)
}
