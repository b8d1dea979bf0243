package signetverify

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFaultsOfAnIssuerSayWhatToMend(t *testing.T) {
	cases := []struct {
		name, path string
		answer     http.HandlerFunc
		told       string
	}{
		{"another issuer", discovery, answerJSON(map[string]any{"issuer": "https://other.example", "jwks_uri": "https://other.example/jwks"}), "names the issuer 'https://other.example'"},
		{"no jwks_uri", discovery, nil, "names no jwks_uri"},
		{"plain http elsewhere", discovery, nil, "jwks_uri that has to be https"},
		{"a list for metadata", discovery, answerJSON([]int{1}), "names the issuer 'nothing'"},
		{"redirect", jwks, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "redirects to /elsewhere, which is not followed"},
		{"a page", jwks, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<p>Sign in</p>"))
		}, "answered text/html instead of JSON"},
		{"a 304 without being asked", jwks, answerStatus(http.StatusNotModified), "answered 304 without being asked to"},
		{"no JSON", jwks, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{")) }, "answered no JSON"},
		{"too large", jwks, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, mostKeyBytes+1)) }, "answered more than 524288 bytes"},
		{"cut off", jwks, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "could not be reached: unexpected EOF"},
		{"no key", jwks, answerJSON(map[string]any{"keys": []int{}}), "holds no public signature key"},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			issuer := newIssuer(t)
			token := issuer.sign(t, issuer.addKey(t, "one"), nil)
			switch each.name {
			case "no jwks_uri":
				each.answer = answerJSON(map[string]any{"issuer": issuer.URL})
			case "plain http elsewhere":
				each.answer = answerJSON(map[string]any{"issuer": issuer.URL, "jwks_uri": "http://keys.example/jwks"})
			}
			issuer.answer(each.path, each.answer)
			_, err := issuer.open(t, nil).VerifyToken(context.Background(), token)
			var refused *TokenError
			if !errors.As(err, &refused) || refused.Code != IssuerUnavailable || refused.Status != 503 || refused.WWWAuthenticate != "" {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(refused.Description, each.told) {
				t.Fatalf("got %q, wanted %q", refused.Description, each.told)
			}
		})
	}
}

func TestKeysThatMovedAreLookedUp(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	good := issuer.answers[jwks]
	verifier := issuer.open(t, nil)
	expect(t, "before", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	issuer.answer(jwks, nil)
	issuer.answer("/moved", good)
	issuer.answer(discovery, answerJSON(map[string]any{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/moved"}))
	issuer.clock.advance(400 * time.Second)
	expect(t, "the present keys", outcomeOf(verifier, issuer.sign(t, key, nil)), "accepted")
	issuer.clock.advance(5 * time.Second)
	next := issuer.addKey(t, "next")
	expect(t, "the next key", outcomeOf(verifier, issuer.sign(t, next, nil)), "accepted")
}

func TestMetadataMayStandWhereRFC8414HasIt(t *testing.T) {
	issuer := newIssuer(t)
	issuer.answer(discovery, nil)
	issuer.answer("/.well-known/oauth-authorization-server", answerJSON(map[string]any{"issuer": issuer.URL, "jwks_uri": issuer.URL + jwks}))
	expect(t, "verdict", outcomeOf(issuer.open(t, nil), issuer.sign(t, issuer.addKey(t, "one"), nil)), "accepted")
}

func TestPlainHTTPOfAPrivateNameIsTakenWhereAllowed(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	const name = "http://signet.test:3000"
	issuer.answer(discovery, answerJSON(map[string]any{"issuer": name, "jwks_uri": name + jwks}))
	verifier := issuer.open(t, func(o *Options) { o.Issuer, o.AllowHTTP = name, true })
	// The name is that of a test: no resolver knows it.
	verifier.client.http.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("tcp", issuer.Listener.Addr().String())
	}}
	expect(t, "verdict", outcomeOf(verifier, issuer.sign(t, key, map[string]any{"iss": name})), "accepted")
}

func TestADocumentThatCameSafelyNamesNoPlainAddress(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	issuer.answer(discovery, answerJSON(map[string]any{"issuer": issuer.URL, "jwks_uri": "http://keys.example/jwks"}))
	_, err := issuer.open(t, func(o *Options) { o.AllowHTTP = true }).VerifyToken(context.Background(), token)
	if err == nil || !strings.Contains(err.Error(), "jwks_uri that has to be https") {
		t.Fatalf("got %v", err)
	}
}

func TestKeysOfOneResourceNeedNoDiscovery(t *testing.T) {
	issuer := newIssuer(t)
	own := newKey(t, "own")
	issuer.answer("/orders/jwks", answerJSON(map[string]any{"keys": []any{own.jwk()}}))
	verifier := issuer.open(t, func(o *Options) { o.JWKSURI = issuer.URL + "/orders/jwks" })
	expect(t, "own key", outcomeOf(verifier, issuer.sign(t, own, nil)), "accepted")
	expect(t, "shared key", outcomeOf(verifier, issuer.sign(t, issuer.addKey(t, "shared"), nil)), "unknown_key")
	expect(t, "discovery", issuer.count(discovery), 0)
}
