package signetverify

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// guardedKey is the key of the context for what guards have found.
type guardedKey struct{}

// guarded is the token that a guard let in, and the guard's terms.
type guarded struct {
	token    *Token
	verifier *Verifier
	// isStandard: the guard had no terms of its own.
	isStandard bool
}

// FromContext returns the verified token of a request behind a guard.
func FromContext(ctx context.Context) (token *Token, isGuarded bool) {
	found, isGuarded := ctx.Value(guardedKey{}).(guarded)
	return found.token, isGuarded
}

// Middleware lets requests with a valid token through to next, which finds it
// with FromContext. It answers all others itself: 401, 403 or 503 with a body of
// JSON and, but for 503, a challenge (RFC 6750 section 3). Nothing that a token
// does gives a 500.
//
// Like all guards it panics if the verifier names no audience, because the
// program would let tokens for other APIs in. Several guards of one verifier
// around a handler verify a token once.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return v.guard(noDemand, nil)(next)
}

// RequireAuth is Middleware with terms of its own for a route. It verifies
// separately from other guards. It panics if an override is wrong.
func (v *Verifier) RequireAuth(overrides ...Overrides) func(http.Handler) http.Handler {
	return v.guard(noDemand, overrides)
}

// RequireScope lets in valid tokens that have all of these scopes, in scope or
// scp. Others get 403 with a challenge that names the scopes. Like the guards
// below it panics without a name or with an empty one.
func (v *Verifier) RequireScope(scopes ...string) func(http.Handler) http.Handler {
	return v.guard(allScopes(scopes), nil)
}

// RequireRole lets in valid tokens that have one of these roles, in roles or role.
func (v *Verifier) RequireRole(roles ...string) func(http.Handler) http.Handler {
	return v.guard(oneRole(roles), nil)
}

// RequirePermission lets in valid tokens with this permission, in permissions.
func (v *Verifier) RequirePermission(permission string) func(http.Handler) http.Handler {
	return v.guard(onePermission([]string{permission}), nil)
}

// RequireAnyPermission lets in valid tokens with one of these permissions.
func (v *Verifier) RequireAnyPermission(permissions ...string) func(http.Handler) http.Handler {
	return v.guard(onePermission(permissions), nil)
}

// RequirePlatformOwner lets in valid tokens whose is_platform_owner is exactly true.
func (v *Verifier) RequirePlatformOwner() func(http.Handler) http.Handler {
	return v.guard(platformOwner, nil)
}

func (v *Verifier) guard(needed demand, overrides []Overrides) func(http.Handler) http.Handler {
	terms, err := v.terms(overrides)
	if err != nil {
		panic(err)
	}
	isStandard := len(overrides) == 0
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := v.admit(r, terms, isStandard)
			if err == nil {
				err = needed(token.Claims)
			}
			if err != nil {
				writeRefusal(w, v.challenged(err))
				return
			}
			found := guarded{token: token, verifier: v, isStandard: isStandard}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), guardedKey{}, found)))
		})
	}
}

// admit verifies the token of a request. An earlier result on other terms does
// not count: that guard may have demanded less.
func (v *Verifier) admit(r *http.Request, terms rules, isStandard bool) (*Token, error) {
	token, err := findToken(r)
	if err != nil {
		return nil, err
	}
	before, isGuarded := r.Context().Value(guardedKey{}).(guarded)
	if isGuarded && isStandard && before.isStandard && before.verifier == v && before.token.Raw == token {
		return before.token, nil
	}
	return v.verify(r.Context(), token, terms)
}

// writeRefusal: every error of a guard is a *TokenError.
func writeRefusal(w http.ResponseWriter, err error) {
	var refused *TokenError
	if !errors.As(err, &refused) {
		refused = refuse(IssuerUnavailable, "the token could not be checked")
	}
	refused.WriteTo(w)
}

// Me is an endpoint that verifies the token and answers its holder and rights as
// JSON: authenticated, sub, client_id, scope, roles, permissions, org_slug,
// service_slug, is_platform_owner and claims.
func (v *Verifier) Me() http.Handler {
	return v.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := FromContext(r.Context())
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		// The client may have gone; there is nobody to tell about a failed write.
		_ = json.NewEncoder(w).Encode(profileOf(token.Claims))
	}))
}

func profileOf(claims Claims) map[string]any {
	textOrNull := func(name string) any {
		if value, isText := claims[name].(string); isText {
			return value
		}
		return nil
	}
	return map[string]any{
		"authenticated":     true,
		"sub":               textOrNull("sub"),
		"client_id":         textOrNull("client_id"),
		"scope":             claims.Scopes(),
		"roles":             claims.Roles(),
		"permissions":       claims.Permissions(),
		"org_slug":          textOrNull("org_slug"),
		"service_slug":      textOrNull("service_slug"),
		"is_platform_owner": claims.IsPlatformOwner(),
		"claims":            claims,
	}
}
