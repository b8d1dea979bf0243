package signetverify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Code names the reason for which a token is refused. The list is closed, and
// it is the same in the verifiers for other languages.
type Code string

// The codes, in the order in which a token is checked. The status of
// InsufficientScope is 403; that of IssuerUnavailable and RevocationsStale is
// 503; all others are 401.
const (
	// MissingToken says that the request has no token.
	MissingToken Code = "missing_token"
	// MalformedToken says that this is no signed JWT with usable claims.
	MalformedToken Code = "malformed_token"
	// UnsupportedAlgorithm says that the algorithm is not accepted, or is not
	// that of the named key.
	UnsupportedAlgorithm Code = "unsupported_algorithm"
	// UnknownKey says that the issuer has no such key.
	UnknownKey Code = "unknown_key"
	// InvalidSignature says that the token was changed or signed by another key.
	InvalidSignature Code = "invalid_signature"
	// TokenExpired says that exp has passed.
	TokenExpired Code = "token_expired"
	// TokenNotActive says that nbf or iat is in the future.
	TokenNotActive Code = "token_not_active"
	// WrongIssuer says that iss is another one.
	WrongIssuer Code = "wrong_issuer"
	// WrongAudience says that the token is for another API.
	WrongAudience Code = "wrong_audience"
	// WrongType says that this is no access token, or that it is bound to a key.
	WrongType Code = "wrong_type"
	// TokenRevoked says that the issuer's blacklist denies the token.
	TokenRevoked Code = "token_revoked"
	// InsufficientScope says that a scope, role or permission is missing.
	InsufficientScope Code = "insufficient_scope"
	// IssuerUnavailable says that the issuer's keys cannot be read.
	IssuerUnavailable Code = "issuer_unavailable"
	// RevocationsStale says that it is not known what was revoked lately.
	RevocationsStale Code = "revocations_stale"
)

// status is the status of the response that refuses the token.
func (c Code) status() int {
	switch c {
	case InsufficientScope:
		return http.StatusForbidden
	case IssuerUnavailable, RevocationsStale:
		return http.StatusServiceUnavailable
	default:
		return http.StatusUnauthorized
	}
}

// challengeError is the error of the challenge (RFC 6750 section 3.1). A
// request without a token has none.
func (c Code) challengeError() string {
	switch c {
	case MissingToken:
		return ""
	case InsufficientScope:
		return "insufficient_scope"
	default:
		return "invalid_token"
	}
}

// TokenError is the only error that this package returns about a token. It
// never holds the token.
type TokenError struct {
	// Code names the reason.
	Code Code
	// Description is for the developer of the caller: what was wrong, and the
	// step that helps. It is printable ASCII without quotes or backslashes.
	Description string
	// Status is the status of the response: 401, 403 or 503.
	Status int
	// WWWAuthenticate is the value of that header (RFC 6750 section 3). With
	// 503 it is empty, because another token would not help.
	WWWAuthenticate string
	// Scope holds the scopes that the request needs, separated by spaces, if the
	// code is InsufficientScope and scopes were demanded.
	Scope string

	resourceMetadata string
	cause            error
}

const (
	mostDescriptionCharacters = 400
	mostShownCharacters       = 80
	retryAfterSeconds         = "5"
)

func refuse(code Code, format string, values ...any) *TokenError {
	return newTokenError(code, fmt.Sprintf(format, values...), "")
}

func newTokenError(code Code, description, scope string) *TokenError {
	e := &TokenError{Code: code, Description: asDescription(description), Status: code.status(), Scope: scope}
	e.WWWAuthenticate = e.challenge()
	return e
}

// because adds the error that lies behind this one; errors.Is and errors.As see it.
func (e *TokenError) because(cause error) *TokenError {
	e.cause = cause
	return e
}

// pointTo adds the address of the API's own metadata to the challenge (RFC 9728
// section 5.1).
func (e *TokenError) pointTo(resourceMetadata string) {
	e.resourceMetadata = resourceMetadata
	e.WWWAuthenticate = e.challenge()
}

// Error returns the code and the description.
func (e *TokenError) Error() string { return string(e.Code) + ": " + e.Description }

// Unwrap returns the error that lies behind this one, such as that of a
// cancelled context; nil if there is none.
func (e *TokenError) Unwrap() error { return e.cause }

func (e *TokenError) challenge() string {
	if e.Status == http.StatusServiceUnavailable {
		return ""
	}
	var parameters []string
	if failure := e.Code.challengeError(); failure != "" {
		parameters = append(parameters, fmt.Sprintf(`error="%s", error_description="%s"`, failure, e.Description))
	}
	if e.Scope != "" {
		parameters = append(parameters, fmt.Sprintf(`scope="%s"`, asDescription(e.Scope)))
	}
	if e.resourceMetadata != "" {
		parameters = append(parameters, fmt.Sprintf(`resource_metadata="%s"`, e.resourceMetadata))
	}
	return strings.TrimSpace("Bearer " + strings.Join(parameters, ", "))
}

// WriteTo sends the refusal: status, challenge and a body of JSON with error
// and error_description.
func (e *TokenError) WriteTo(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json; charset=utf-8")
	if e.WWWAuthenticate != "" {
		header.Set("WWW-Authenticate", e.WWWAuthenticate)
	}
	if e.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", retryAfterSeconds)
	}
	w.WriteHeader(e.Status)
	// The client may have gone; there is nobody to tell about a failed write.
	_ = json.NewEncoder(w).Encode(map[string]string{
		"error":             string(e.Code),
		"error_description": e.Description,
	})
}

// asDescription keeps what RFC 6750 section 3 allows: %x20-21 / %x23-5B /
// %x5D-7E. The sender of the token has written parts of the text.
func asDescription(text string) string {
	var kept strings.Builder
	count := 0
	for _, each := range text {
		if count++; count > mostDescriptionCharacters {
			break
		}
		switch {
		case each == '"':
			kept.WriteByte('\'')
		case each < 0x20 || each > 0x7E || each == '\\':
			kept.WriteByte('?')
		default:
			kept.WriteRune(each)
		}
	}
	return kept.String()
}

// shown is a value of a token, quoted and short enough for a description.
func shown(value any) string {
	text, isText := value.(string)
	if !isText {
		text = "nothing"
		if encoded, err := json.Marshal(value); err == nil && value != nil {
			text = string(encoded)
		}
	}
	if len(text) > mostShownCharacters {
		text = text[:mostShownCharacters] + "..."
	}
	return "'" + text + "'"
}

// shownAll joins names for a description.
func shownAll(names []string) string {
	quoted := make([]string, len(names))
	for at, name := range names {
		quoted[at] = shown(name)
	}
	return strings.Join(quoted, " or ")
}
