package signetverify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// answered is a response of a guarded API.
type answered struct {
	status int
	header http.Header
	body   map[string]any
}

// ask sends a request with these values of Authorization to a handler behind a
// real server.
func ask(t *testing.T, handler http.Handler, authorization ...string) answered {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	request, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header["Authorization"] = authorization
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatalf("no JSON: %s", text)
	}
	return answered{response.StatusCode, response.Header, body}
}

// showSubject answers whom the token is for.
var showSubject = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	token, isGuarded := FromContext(r.Context())
	subject := ""
	if isGuarded {
		subject = token.Claims.Subject()
	}
	answerJSON(map[string]any{"sub": subject, "guarded": isGuarded})(w, r)
})

func TestAGuardLetsAValidTokenThrough(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	verifier := issuer.open(t, nil)
	for _, scheme := range []string{"Bearer ", "bearer ", "  BEARER   "} {
		answer := ask(t, verifier.Middleware(showSubject), scheme+token)
		expect(t, scheme, fmt.Sprint(answer.status, answer.body), "200 map[guarded:true sub:ada]")
	}
	expect(t, "without a guard", fmt.Sprint(ask(t, showSubject).body), "map[guarded:false sub:]")
}

func TestAGuardAnswersWithTheReason(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	token := issuer.sign(t, key, nil)
	guard := issuer.open(t, nil).Middleware(showSubject)
	cases := []struct {
		name          string
		authorization []string
		code          string
		challenge     string
	}{
		{"no header", nil, "missing_token", "Bearer"},
		{"an empty token", []string{"Bearer "}, "missing_token", "Bearer"},
		{"Basic", []string{"Basic YTpi"}, "missing_token", "Bearer"},
		{"the token alone", []string{token}, "missing_token", "Bearer"},
		{"DPoP", []string{"DPoP " + token}, "wrong_type", `Bearer error="invalid_token", error_description="`},
		{"two in one", []string{"Bearer " + token + ", Bearer " + token}, "malformed_token", `Bearer error="invalid_token"`},
		{"two headers", []string{"Bearer " + token, "Bearer " + token}, "malformed_token", `Bearer error="invalid_token"`},
		{"a no-break space behind", []string{"Bearer " + token + "\u00a0"}, "malformed_token", `Bearer error="invalid_token"`},
		{"a no-break space before", []string{"\u00a0Bearer " + token}, "missing_token", "Bearer"},
		{"no JWT", []string{"Bearer ä\"\\"}, "malformed_token", `Bearer error="invalid_token"`},
		{"expired", []string{"Bearer " + issuer.sign(t, key, map[string]any{"exp": 1})}, "token_expired", `Bearer error="invalid_token"`},
		{"for another API", []string{"Bearer " + issuer.sign(t, key, map[string]any{"aud": "x\"\\\n"})}, "wrong_audience", `Bearer error="invalid_token"`},
		{"bound to a key", []string{"Bearer " + issuer.sign(t, key, map[string]any{"cnf": map[string]any{"jkt": "x"}})}, "wrong_type", `Bearer error="invalid_token"`},
	}
	for _, each := range cases {
		answer := ask(t, guard, each.authorization...)
		expect(t, each.name, fmt.Sprint(answer.status, " ", answer.body["error"]), "401 "+each.code)
		challenge := answer.header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, each.challenge) || strings.ContainsAny(challenge, "\\\n") {
			t.Errorf("%s: %s", each.name, challenge)
		}
		if answer.body["error_description"] == "" || answer.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %v", each.name, answer.body, answer.header)
		}
	}
}

func TestChallengesPointToTheMetadataOfTheAPI(t *testing.T) {
	issuer := newIssuer(t)
	const metadata = "https://api.example/.well-known/oauth-protected-resource"
	verifier := issuer.open(t, func(o *Options) { o.ResourceMetadata = metadata })
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	challenge := func(authorization ...string) string {
		answer := ask(t, verifier.RequireScope("x")(showSubject), authorization...)
		return answer.header.Get("WWW-Authenticate")
	}
	expect(t, "no token", challenge(), `Bearer resource_metadata="`+metadata+`"`)
	for _, each := range []string{"Bearer " + token, "Bearer forged"} {
		if told := challenge(each); !strings.HasSuffix(told, `, resource_metadata="`+metadata+`"`) {
			t.Errorf("got %s", told)
		}
	}
	_, err := verifier.VerifyToken(t.Context(), "forged")
	if err == nil || !strings.HasSuffix(err.(*TokenError).WWWAuthenticate, `resource_metadata="`+metadata+`"`) {
		t.Errorf("got %v", err)
	}
	issuer.answer(jwks, answerStatus(http.StatusInternalServerError))
	issuer.clock.advance(2 * time.Hour)
	later := issuer.sign(t, newKey(t, "two"), nil)
	expect(t, "without the issuer", challenge("Bearer "+later), "")
}

func TestWithoutTheIssuerAGuardSaysWhenToTryAgain(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	issuer.answer(jwks, answerStatus(http.StatusInternalServerError))
	answer := ask(t, issuer.open(t, nil).Middleware(showSubject), "Bearer "+token)
	expect(t, "answer", fmt.Sprint(answer.status, " ", answer.body["error"]), "503 issuer_unavailable")
	expect(t, "retry", answer.header.Get("Retry-After"), "5")
	expect(t, "challenge", answer.header.Get("WWW-Authenticate"), "")
}

func TestAMissingScopeIsNamed(t *testing.T) {
	issuer := newIssuer(t)
	verifier := issuer.open(t, nil)
	token := issuer.sign(t, issuer.addKey(t, "one"), map[string]any{"scope": "orders:read"})
	answer := ask(t, verifier.RequireScope("orders:read", "orders:write")(showSubject), "Bearer "+token)
	expect(t, "answer", fmt.Sprint(answer.status, " ", answer.body["error"]), "403 insufficient_scope")
	if challenge := answer.header.Get("WWW-Authenticate"); !strings.HasSuffix(challenge, `, scope="orders:read orders:write"`) {
		t.Error(challenge)
	}
	expect(t, "enough", ask(t, verifier.RequireScope("orders:read")(showSubject), "Bearer "+token).status, 200)
}

func TestRolesAndPermissionsAreDemanded(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	v := issuer.open(t, nil)
	cases := []struct {
		claims map[string]any
		guard  func(http.Handler) http.Handler
		status int
	}{
		{map[string]any{"roles": []string{"owner"}}, v.RequireRole("admin", "owner"), 200},
		{map[string]any{"role": "admin"}, v.RequireRole("admin", "owner"), 200},
		{map[string]any{"role": "site admin"}, v.RequireRole("admin"), 403},
		{map[string]any{"roles": map[string]any{"admin": true}}, v.RequireRole("admin"), 403},
		{map[string]any{"permissions": "a b"}, v.RequirePermission("b"), 200},
		{map[string]any{"permissions": []any{1, "c"}}, v.RequireAnyPermission("b", "c"), 200},
		{map[string]any{}, v.RequireAnyPermission("b", "c"), 403},
		{map[string]any{"is_platform_owner": true}, v.RequirePlatformOwner(), 200},
		{map[string]any{"is_platform_owner": "true"}, v.RequirePlatformOwner(), 403},
		{map[string]any{"scp": []string{"x", "y"}}, v.RequireScope("x", "y"), 200},
		{map[string]any{"scope": 7, "scp": []string{"x"}}, v.RequireScope("x"), 403},
	}
	for _, each := range cases {
		token := issuer.sign(t, key, each.claims)
		expect(t, fmt.Sprint(each.claims), ask(t, each.guard(showSubject), "Bearer "+token).status, each.status)
	}
}

func TestAGuardWithItsOwnTermsJudgesForItself(t *testing.T) {
	issuer := newIssuer(t)
	verifier := issuer.open(t, nil)
	token := issuer.sign(t, issuer.addKey(t, "one"), map[string]any{"aud": "portal", "scope": "x"})
	portal := verifier.RequireAuth(Overrides{Audience: "portal"})
	expect(t, "alone", ask(t, portal(showSubject), "Bearer "+token).status, 200)
	nested := portal(verifier.RequireScope("x")(showSubject))
	expect(t, "it does not speak for the next", ask(t, nested, "Bearer "+token).body["error"], any("wrong_audience"))
}

func TestAGuardOfAnotherVerifierJudgesForItself(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), map[string]any{"aud": "portal"})
	portal := issuer.open(t, func(o *Options) { o.Audience = "portal" })
	nested := portal.Middleware(issuer.open(t, nil).Middleware(showSubject))
	expect(t, "verdict", ask(t, nested, "Bearer "+token).body["error"], any("wrong_audience"))
}

func TestAnotherTokenIsJudgedAnew(t *testing.T) {
	issuer := newIssuer(t)
	verifier := issuer.open(t, nil)
	token := issuer.sign(t, issuer.addKey(t, "one"), nil)
	exchange := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Authorization", "Bearer forged")
			next.ServeHTTP(w, r)
		})
	}
	nested := verifier.Middleware(exchange(verifier.Middleware(showSubject)))
	expect(t, "verdict", ask(t, nested, "Bearer "+token).body["error"], any("malformed_token"))
}

func TestGuardsOfARouteVerifyOnce(t *testing.T) {
	issuer := newIssuer(t)
	verifier := issuer.open(t, nil)
	token := issuer.sign(t, issuer.addKey(t, "one"), map[string]any{"scope": "x"})
	var seen []*Token
	look := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			found, _ := FromContext(r.Context())
			seen = append(seen, found)
			next.ServeHTTP(w, r)
		})
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	guards := verifier.Middleware(look(verifier.RequireScope("x")(look(showSubject))))
	guards.ServeHTTP(httptest.NewRecorder(), request)
	if len(seen) != 2 || seen[0] == nil || seen[0] != seen[1] {
		t.Fatalf("got %v", seen)
	}
}

func TestMeShowsTheHolder(t *testing.T) {
	issuer := newIssuer(t)
	token := issuer.sign(t, issuer.addKey(t, "one"), map[string]any{"scope": "a b", "role": "admin", "org_slug": "acme"})
	verifier := issuer.open(t, nil)
	answer := ask(t, verifier.Me(), "Bearer "+token)
	delete(answer.body, "claims")
	expect(t, "profile", fmt.Sprint(answer.body), "map[authenticated:true client_id:shop is_platform_owner:false org_slug:acme "+
		"permissions:[] roles:[admin] scope:[a b] service_slug:<nil> sub:ada]")
	expect(t, "without a token", ask(t, verifier.Me()).status, 401)
}

func TestAMistakeOfTheProgramIsFoundWhenTheRouteIsMade(t *testing.T) {
	verifier, err := New(Options{Issuer: "https://issuer.example", Audience: api})
	if err != nil {
		t.Fatal(err)
	}
	unnamed, err := New(Options{Issuer: "https://issuer.example"})
	if err != nil {
		t.Fatal(err)
	}
	mistakes := map[string]func(){
		"no scope":         func() { verifier.RequireScope() },
		"an empty scope":   func() { verifier.RequireScope("a", "") },
		"no role":          func() { verifier.RequireRole() },
		"no permission":    func() { verifier.RequireAnyPermission() },
		"a wrong override": func() { verifier.RequireAuth(Overrides{Types: []string{}}) },
		"no audience":      func() { unnamed.Middleware(showSubject) },
	}
	for name, mistake := range mistakes {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			mistake()
		}()
	}
}
