package signetverify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The vectors stand beside this module, because the verifiers of all languages
// run them. In a copy of the module alone they are skipped.
const vectorsFolder = "../vectors"

type vectorAnswer struct {
	After   *string           `json:"after"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Pad     int               `json:"pad"`
}

type vectorVerdict struct {
	Token     string   `json:"token"`
	Code      string   `json:"code"`
	Also      []string `json:"also"`
	WhenStale string   `json:"when_stale"`
}

type vectorFile[Case any] struct {
	Issuer   string          `json:"issuer"`
	Audience string          `json:"audience"`
	Now      float64         `json:"now"`
	JWKS     json.RawMessage `json:"jwks"`
	Cases    []Case          `json:"cases"`
}

func readVectors[Case any](t *testing.T, name string) vectorFile[Case] {
	t.Helper()
	var file vectorFile[Case]
	text, err := os.ReadFile(filepath.Join(vectorsFolder, name))
	if os.IsNotExist(err) {
		t.Skipf("no vectors here: %s", err)
	}
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatalf("%s holds no cases", name)
	}
	return file
}

func (a vectorAnswer) write(w http.ResponseWriter) {
	// Go would add a media type of its own.
	w.Header()["Content-Type"] = nil
	for name, value := range a.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(a.Body + strings.Repeat(" ", a.Pad)))
}

// serveVectors is an issuer whose key set and feed answer what a vector says. It
// sends no events.
func serveVectors(t *testing.T, keys vectorAnswer, pages func() []vectorAnswer) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			keys.write(w)
			return
		}
		if r.Header.Get("Accept") == "text/event-stream" {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		for _, page := range pages() {
			values, isNamed := r.URL.Query()["after"]
			if isNamed == (page.After != nil) && (!isNamed || values[0] == *page.After) {
				page.write(w)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func openVectors[Case any](t *testing.T, file vectorFile[Case], at string, change func(*Options)) *Verifier {
	t.Helper()
	clock := &testClock{}
	clock.set(seconds(file.Now), 0)
	options := Options{Issuer: file.Issuer, Audience: file.Audience, JWKSURI: at + "/jwks", clock: clock}
	if change != nil {
		change(&options)
	}
	verifier, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = verifier.Close() })
	return verifier
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

func judge(t *testing.T, what, real string, wanted vectorVerdict) {
	t.Helper()
	if real != wanted.Code && !slices.Contains(wanted.Also, real) {
		t.Errorf("%s: got %s, wanted %s %v", what, real, wanted.Code, wanted.Also)
	}
}

// optionsOf reads the options of a vector, which has them in snake case.
func optionsOf(t *testing.T, given map[string]any, options *Options) {
	t.Helper()
	list := func(value any) []string {
		if one, isText := value.(string); isText {
			return []string{one}
		}
		var all []string
		for _, each := range value.([]any) {
			all = append(all, each.(string))
		}
		return all
	}
	for name, value := range given {
		switch name {
		case "algorithms":
			options.Algorithms = list(value)
		case "typ":
			options.Types = list(value)
		case "audience":
			if options.Audience = ""; value == false {
				options.AnyAudience = true
			} else {
				options.Audiences = list(value)
			}
		case "clock_tolerance":
			options.ClockTolerance = orNone(seconds(value.(float64)))
		default:
			t.Fatalf("unknown option %s", name)
		}
	}
}

func orNone(d time.Duration) time.Duration {
	if d == 0 {
		return None
	}
	return d
}

func TestVectorsOfTokens(t *testing.T) {
	type vector struct {
		Name    string         `json:"name"`
		Options map[string]any `json:"options"`
		vectorVerdict
	}
	file := readVectors[vector](t, "tokens.json")
	at := serveVectors(t, vectorAnswer{Status: 200, Body: string(file.JWKS)}, nil)
	for _, each := range file.Cases {
		t.Run(each.Name, func(t *testing.T) {
			verifier := openVectors(t, file, at, func(o *Options) { optionsOf(t, each.Options, o) })
			judge(t, each.Name, outcomeOf(verifier, each.Token), each.vectorVerdict)
		})
	}
}

func TestVectorsOfRights(t *testing.T) {
	type vector struct {
		Name  string              `json:"name"`
		Needs map[string][]string `json:"needs"`
		vectorVerdict
	}
	file := readVectors[vector](t, "rights.json")
	verifier := openVectors(t, file, serveVectors(t, vectorAnswer{Status: 200, Body: string(file.JWKS)}, nil), nil)
	accept := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":"accepted"}`) })
	for _, each := range file.Cases {
		guards := map[string]func(...string) func(http.Handler) http.Handler{
			"scope": verifier.RequireScope, "role": verifier.RequireRole, "permission": verifier.RequireAnyPermission,
		}
		for kind, names := range each.Needs {
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Header.Set("Authorization", "Bearer "+each.Token)
			recorder := httptest.NewRecorder()
			guards[kind](names...)(accept).ServeHTTP(recorder, request)
			var body struct{ Error string }
			if err := json.Unmarshal(recorder.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			judge(t, each.Name, body.Error, each.vectorVerdict)
		}
	}
}

func TestVectorsOfKeySets(t *testing.T) {
	type vector struct {
		Name     string          `json:"name"`
		Answer   vectorAnswer    `json:"answer"`
		Verdicts []vectorVerdict `json:"verdicts"`
	}
	file := readVectors[vector](t, "key-sets.json")
	for _, each := range file.Cases {
		t.Run(each.Name, func(t *testing.T) {
			verifier := openVectors(t, file, serveVectors(t, each.Answer, nil), nil)
			for at, verdict := range each.Verdicts {
				judge(t, fmt.Sprint("verdict ", at), outcomeOf(verifier, verdict.Token), verdict)
			}
		})
	}
}

func TestVectorsOfFeeds(t *testing.T) {
	type step struct {
		Now      float64         `json:"now"`
		Elapsed  float64         `json:"elapsed"`
		Pages    []vectorAnswer  `json:"pages"`
		Verdicts []vectorVerdict `json:"verdicts"`
	}
	type vector struct {
		Name        string `json:"name"`
		Revocations struct {
			MaxStaleness float64 `json:"max_staleness_seconds"`
			WhenStale    string  `json:"when_stale"`
		} `json:"revocations"`
		Steps []step `json:"steps"`
	}
	file := readVectors[vector](t, "feeds.json")
	for _, each := range file.Cases {
		t.Run(each.Name, func(t *testing.T) {
			t.Parallel()
			var pages atomic.Pointer[[]vectorAnswer]
			pages.Store(&each.Steps[0].Pages)
			at := serveVectors(t, vectorAnswer{Status: 200, Body: string(file.JWKS)}, func() []vectorAnswer { return *pages.Load() })
			clock := &testClock{}
			verifier := openVectors(t, file, at, func(o *Options) {
				o.Revocations, o.FeedURL, o.clock = true, at+"/blacklist/feed", clock
				o.Staleness = Staleness{
					Max: orNone(seconds(each.Revocations.MaxStaleness)), WhenStale: WhenStale(each.Revocations.WhenStale),
				}
			})
			for at, step := range each.Steps {
				clock.set(seconds(step.Now), seconds(step.Elapsed))
				pages.Store(&each.Steps[at].Pages)
				for which, verdict := range step.Verdicts {
					bound := Overrides{Staleness: Staleness{WhenStale: WhenStale(verdict.WhenStale)}}
					judge(t, fmt.Sprintf("step %d, verdict %d", at, which), outcomeOf(verifier, verdict.Token, bound), verdict)
				}
			}
		})
	}
}
