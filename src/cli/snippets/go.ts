/** Go's net/http with jwx. */
import { quoted, type Facts, type Snippet } from './snippet.ts'

export const go = (facts: Facts): Snippet => ({
  snippet: HEAD + verifier(facts) + guard(facts) + server(facts),
  notes: [
    'in a module that is there already, go get . is enough',
    'jwx knows nothing of revocations: a revoked token is taken until it expires; ask /introspect where that is too long',
  ],
})

const HEAD = `// Save as main.go, then: go mod init example && go get . && go run .
// (go get fetches github.com/lestrrat-go/jwx/v3, and its cache, httprc/v3)
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

`

const verifier = ({ jwksUri, issuer, audience }: Facts): string => `const jwksURI = ${quoted(jwksUri)}

type verifier struct {
	cache     *jwk.Cache
	mutex     sync.Mutex
	fetchedAt time.Time
}

func newVerifier(ctx context.Context) (*verifier, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, jwksURI, jwk.WithConstantInterval(5*time.Minute)); err != nil {
		return nil, fmt.Errorf("the key set %s: %w", jwksURI, err)
	}
	return &verifier{cache: cache, fetchedAt: time.Now()}, nil
}

// keys are the issuer's; a kid that is not among them has them fetched anew, every ten seconds at most.
func (v *verifier) keys(ctx context.Context, kid string) (jwk.Set, error) {
	set, err := v.cache.Lookup(ctx, jwksURI)
	if err != nil {
		return nil, err
	}
	if _, known := set.LookupKeyID(kid); known {
		return set, nil
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if time.Since(v.fetchedAt) < 10*time.Second {
		return set, nil
	}
	v.fetchedAt = time.Now()
	return v.cache.Refresh(ctx, jwksURI)
}

// verify takes the algorithm from the key, never from the token.
func (v *verifier) verify(ctx context.Context, text string) (jwt.Token, error) {
	message, err := jws.ParseString(text)
	if err != nil || len(message.Signatures()) != 1 {
		return nil, fmt.Errorf("not a JWT")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	kid, _ := header.KeyID()
	if typ, _ := header.Type(); typ != tokenType {
		return nil, fmt.Errorf("another kind of token: typ is %q", typ)
	}
	keys, err := v.keys(ctx, kid)
	if err != nil {
		return nil, err
	}
	return jwt.ParseString(text,
		jwt.WithKeySet(keys, jws.WithRequireKid(true)),
		jwt.WithIssuer(${quoted(issuer)}),
		jwt.WithAudience(${quoted(audience)}),
		jwt.WithRequiredClaim(jwt.ExpirationKey),
		jwt.WithAcceptableSkew(5*time.Second),
	)
}

`

const guard = ({ typ }: Facts): string => `const tokenType = ${quoted(typ)}

type tokenKey struct{}

// requireToken lets requests pass that bring a good token with all of these scopes.
func (v *verifier) requireToken(next http.HandlerFunc, scopes ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || text == "" {
			refuse(w, http.StatusUnauthorized, "invalid_request")
			return
		}
		token, err := v.verify(r.Context(), text)
		if err != nil || token.Has("cnf") { // bound to a key, which a plain Bearer token is not
			refuse(w, http.StatusUnauthorized, "invalid_token")
			return
		}
		var granted string
		_ = token.Get("scope", &granted) // a token without a scope has none
		for _, scope := range scopes {
			if !slices.Contains(strings.Fields(granted), scope) {
				refuse(w, http.StatusForbidden, "insufficient_scope")
				return
			}
		}
		next(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, token)))
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q", code))
	http.Error(w, code, status)
}

`

const server = ({ scope: [first] }: Facts): string => `func hello(w http.ResponseWriter, r *http.Request) {
	subject, _ := r.Context().Value(tokenKey{}).(jwt.Token).Subject()
	fmt.Fprintln(w, "hello", subject)
}

func main() {
	auth, err := newVerifier(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", auth.requireToken(hello))
	http.HandleFunc("/guarded", auth.requireToken(hello${first === undefined ? '' : `, ${quoted(first)}`}))
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	log.Fatal(http.ListenAndServe("localhost:"+port, nil))
}
`
