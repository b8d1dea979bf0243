package signetverify

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	api = "https://api.example"
	// waitFor is how long a test waits for what happens in the background.
	waitFor = 10 * time.Second
)

// testClock is moved by tests: advance is time that passes, jump is a wall clock
// that is set.
type testClock struct {
	mu          sync.Mutex
	now, passed time.Duration
}

func newTestClock() *testClock {
	return &testClock{now: time.Duration(time.Now().UnixNano())}
}

func (c *testClock) wall() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) even() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.passed = c.now+d, c.passed+d
}

func (c *testClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
}

// set moves both clocks to given times.
func (c *testClock) set(now, passed time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.passed = now, passed
}

// signingKey is a key of an issuer.
type signingKey struct {
	kid     string
	private *ecdsa.PrivateKey
}

func newKey(t testing.TB, kid string) signingKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey{kid: kid, private: private}
}

func (k signingKey) jwk() map[string]any {
	encode := func(bytes []byte) string { return base64.RawURLEncoding.EncodeToString(bytes) }
	x, y := make([]byte, 32), make([]byte, 32)
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": k.kid,
		"x": encode(k.private.X.FillBytes(x)), "y": encode(k.private.Y.FillBytes(y)),
	}
}

// issuer is a foreign issuer: a real HTTP server with metadata and a key set. It
// counts what it is asked, signs what a test wants, and can be made to misbehave.
type issuer struct {
	*httptest.Server
	clock *testClock

	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	asked   []string
	agents  map[string]bool
	keys    []map[string]any
}

const (
	discovery = "/.well-known/openid-configuration"
	jwks      = "/jwks"
	feedPath  = "/blacklist/feed"
)

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	s := &issuer{clock: newTestClock(), answers: map[string]http.HandlerFunc{}, agents: map[string]bool{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	s.answer(discovery, answerJSON(map[string]any{"issuer": s.URL, "jwks_uri": s.URL + jwks}))
	s.answer(jwks, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		keys := append([]map[string]any{}, s.keys...)
		s.mu.Unlock()
		w.Header().Set("Cache-Control", "public, max-age=300")
		answerJSON(map[string]any{"keys": keys})(w, r)
	})
	return s
}

func (s *issuer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Path)
	s.agents[r.UserAgent()] = true
	answer := s.answers[r.URL.Path]
	s.mu.Unlock()
	if answer == nil {
		http.NotFound(w, r)
		return
	}
	answer(w, r)
}

func (s *issuer) answer(path string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer
}

func (s *issuer) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, each := range s.asked {
		if each == path {
			count++
		}
	}
	return count
}

// addKey makes a key and publishes it.
func (s *issuer) addKey(t *testing.T, kid string) signingKey {
	t.Helper()
	key := newKey(t, kid)
	s.publish(append(s.published(), key.jwk())...)
	return key
}

func (s *issuer) published() []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]map[string]any{}, s.keys...)
}

func (s *issuer) publish(keys ...map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
}

// open makes a verifier that is closed at the end of the test.
func (s *issuer) open(t *testing.T, change func(*Options)) *Verifier {
	t.Helper()
	options := Options{Issuer: s.URL, Audience: api, clock: s.clock}
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

// sign makes a good access token, but for the changes; nil leaves a claim out.
func (s *issuer) sign(t *testing.T, key signingKey, changes map[string]any) string {
	t.Helper()
	now := int64(s.clock.wall() / time.Second)
	claims := jwt.MapClaims{
		"iss": s.URL, "sub": "ada", "aud": api, "client_id": "shop",
		"iat": now, "exp": now + 600, "jti": fmt.Sprint(time.Now().UnixNano()),
	}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["typ"], token.Header["kid"] = "at+jwt", key.kid
	signed, err := token.SignedString(crypto.Signer(key.private))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// signRaw signs a payload that need not be JSON.
func signRaw(t testing.TB, key signingKey, payload []byte) string {
	t.Helper()
	header := fmt.Sprintf(`{"alg":"ES256","typ":"at+jwt","kid":"%s"}`, key.kid)
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(header)) + "." + encode(payload)
	signature, err := jwt.SigningMethodES256.Sign(input, key.private)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}

func answerJSON(value any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
}

func answerStatus(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// outcome is accepted, or the code by which a token is refused.
func outcomeOf(v *Verifier, token string, overrides ...Overrides) string {
	_, err := v.VerifyToken(context.Background(), token, overrides...)
	if err == nil {
		return "accepted"
	}
	var refused *TokenError
	if !errors.As(err, &refused) {
		return "no TokenError: " + err.Error()
	}
	return string(refused.Code)
}

func expect[T comparable](t *testing.T, what string, real, wanted T) {
	t.Helper()
	if real != wanted {
		t.Fatalf("%s: got %v, wanted %v", what, real, wanted)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(waitFor)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", waitFor, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
