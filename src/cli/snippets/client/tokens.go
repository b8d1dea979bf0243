// Calls an API with tokens of client __CLIENT_ID__. Save as signet_tokens.go, and name your package.
//
//	tokens, err := NewSignetTokens() //? client_credentials
//	tokens, err := NewSignetTokens("id-of-the-person") //? subject
//	request, err := http.NewRequest("GET", "__API_URL__", nil)
//	response, err := tokens.Do(request)
//
// A token is kept until shortly before its end, and all callers share one request for the next. No refresh token is
// needed: the client can ask for a new token at any time.

package main

import (
	"crypto/rand" //? private_key_jwt
	"crypto/x509" //? private_key_jwt
	"encoding/json"
	"encoding/pem" //? private_key_jwt
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
	//? private_key_jwt

	"github.com/golang-jwt/jwt/v5"
	//? end
)

const clientID = "__CLIENT_ID__"

// The last seconds of a token, in which it is replaced; a tenth of the life of a short one.
const margin = time.Minute

// SignetTokens keeps an access token. It is safe for concurrent use.
type SignetTokens struct {
	form    url.Values
	mutex   sync.Mutex
	token   string
	renewAt time.Time
	endsAt  time.Time
}

//? client_credentials
// NewSignetTokens gives the tokens of the client itself.
func NewSignetTokens() (*SignetTokens, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
//? end
//? subject
// NewSignetTokens gives tokens for a person whom you signed in; keep the value as long as the person's session.
func NewSignetTokens(subject string) (*SignetTokens, error) {
	form := url.Values{"grant_type": {"__SUBJECT_GRANT__"}, "subject": {subject}}
//? end
	//? secret
	// Shown once, when the client was made. A new one: signet client rotate-secret __CLIENT_ID__
	if os.Getenv("CLIENT_SECRET") == "" {
		return nil, fmt.Errorf("CLIENT_SECRET is not set")
	}
	//? end
	//? private_key_jwt
	if _, err := readPrivateKey(); err != nil {
		return nil, err
	}
	//? end
	return &SignetTokens{form: form}, nil
}

// Token is an access token that is valid for a while.
func (t *SignetTokens) Token() (string, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.token != "" && time.Now().Before(t.renewAt) {
		return t.token, nil
	}
	if err := t.renew(); err != nil {
		return "", err
	}
	return t.token, nil
}

// Do sends a request with a token. After a 401, as for a revoked token, it tries once more with a new token.
func (t *SignetTokens) Do(request *http.Request) (*http.Response, error) {
	token, err := t.Token()
	if err != nil {
		return nil, err
	}
	response, err := send(request, token)
	isStream := request.Body != nil && request.GetBody == nil
	if err != nil || response.StatusCode != http.StatusUnauthorized || isStream {
		return response, err
	}
	response.Body.Close()
	t.forget(token)
	if token, err = t.Token(); err != nil {
		return nil, err
	}
	return send(request, token)
}

func send(request *http.Request, token string) (*http.Response, error) {
	again := request.Clone(request.Context())
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, err
		}
		again.Body = body
	}
	again.Header.Set("Authorization", "Bearer "+token)
	return http.DefaultClient.Do(again)
}

func (t *SignetTokens) forget(token string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.token == token {
		t.token = ""
	}
}

func (t *SignetTokens) renew() error {
	askedAt := time.Now()
	token, life, err := requestToken(t.form)
	if err != nil {
		// While the issuer is away, the present token is used until its end, and the next request waits a little.
		if t.token == "" || !askedAt.Before(t.endsAt) {
			return err
		}
		t.renewAt = askedAt.Add(5 * time.Second)
		return nil
	}
	t.token, t.endsAt = token, askedAt.Add(life)
	t.renewAt = t.endsAt.Add(-min(margin, life/10))
	return nil
}

// The issuer answers at once or not at all, and never with a redirect.
var issuer = &http.Client{
	Timeout: 10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
}

func requestToken(fixed url.Values) (token string, life time.Duration, err error) {
	form := url.Values{"resource": {"__AUDIENCE__"}}
	form.Set("scope", "__SCOPES__") //? scope
	for name, values := range fixed {
		form[name] = values
	}
	//? client_secret_post private_key_jwt
	form.Set("client_id", clientID)
	//? end
	//? client_secret_post
	form.Set("client_secret", os.Getenv("CLIENT_SECRET"))
	//? end
	//? private_key_jwt
	assertion, err := signAssertion()
	if err != nil {
		return "", 0, err
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", assertion)
	//? end
	request, err := http.NewRequest(http.MethodPost, "__TOKEN_ENDPOINT__", strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	//? client_secret_basic
	// Both halves are form-encoded before they become Basic credentials (RFC 6749 §2.3.1).
	request.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(os.Getenv("CLIENT_SECRET")))
	//? end
	response, err := issuer.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	if err != nil || response.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("no token: %s: %s %s", response.Status, answer.Error, answer.Description)
	}
	return answer.AccessToken, time.Duration(answer.ExpiresIn) * time.Second, nil
}
//? private_key_jwt

// readPrivateKey reads a PEM file (PKCS #8) with the private half of the registered key.
func readPrivateKey() (any, error) {
	text, err := os.ReadFile(os.Getenv("PRIVATE_KEY_FILE"))
	if err != nil {
		return nil, fmt.Errorf("PRIVATE_KEY_FILE: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("PRIVATE_KEY_FILE is no PEM file")
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// signAssertion follows RFC 7523 §3: a new jti each time, and a short life.
func signAssertion() (string, error) {
	key, err := readPrivateKey()
	if err != nil {
		return "", err
	}
	now := time.Now()
	assertion := jwt.NewWithClaims(jwt.GetSigningMethod("__KEY_ALG__"), jwt.MapClaims{
		"iss": clientID,
		"sub": clientID,
		"aud": "__ISSUER__",
		"jti": rand.Text(),
		"iat": now.Unix(),
		"exp": now.Add(time.Minute).Unix(),
	})
	assertion.Header["kid"] = "__KEY_ID__" //? kid
	return assertion.SignedString(key)
}
//? end
