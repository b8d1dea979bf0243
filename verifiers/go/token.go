package signetverify

import (
	"slices"
	"strings"
	"time"
)

// Claims are the claims of a verified token, as encoding/json reads them: text
// is string, a number float64, a list []any, an object map[string]any. exp is a
// number; iss, sub, jti, client_id and sid are strings, and iat and nbf numbers,
// if they are there. Any other claim may be absent or have any type.
type Claims map[string]any

// Header is the header of a verified token.
type Header map[string]any

// Token is a verified token.
type Token struct {
	Claims Claims
	Header Header
	// Raw is the token as it came.
	Raw string
}

// Subject is the claim sub: the person, or the client itself; empty if there is none.
func (c Claims) Subject() string { return text(c, "sub") }

// ClientID is the claim client_id: the client that asked for the token; empty if
// there is none.
func (c Claims) ClientID() string { return text(c, "client_id") }

// ExpiresAt is the claim exp, to the second. A time that time.Time cannot hold
// is the last one that it can.
func (c Claims) ExpiresAt() time.Time {
	const last = 253402300799 // the end of the year 9999
	seconds, _ := c["exp"].(float64)
	return time.Unix(int64(min(max(seconds, -last), last)), 0)
}

// Scopes are the words of scope (RFC 8693 section 4.2), or of scp at some other
// issuers. A claim of another type gives no right.
func (c Claims) Scopes() []string {
	if c["scope"] == nil {
		return words(c["scp"])
	}
	return words(c["scope"])
}

// Roles are those of roles and role together. A role may contain a space.
func (c Claims) Roles() []string {
	all := append(names(c["roles"]), names(c["role"])...)
	distinct := []string{}
	for _, role := range all {
		if !slices.Contains(distinct, role) {
			distinct = append(distinct, role)
		}
	}
	return distinct
}

// Permissions are those of permissions.
func (c Claims) Permissions() []string { return words(c["permissions"]) }

// IsPlatformOwner says whether is_platform_owner is exactly true.
func (c Claims) IsPlatformOwner() bool { return c["is_platform_owner"] == true }

// names are the texts of a list, or one text.
func names(value any) []string {
	listed, isList := value.([]any)
	if !isList {
		listed = []any{value}
	}
	found := []string{}
	for _, each := range listed {
		if name, isText := each.(string); isText && name != "" {
			found = append(found, name)
		}
	}
	return found
}

// words are the texts of a list, or of one text that is cut at its blanks.
func words(value any) []string {
	whole, isText := value.(string)
	if !isText {
		return names(value)
	}
	return slices.DeleteFunc(strings.Split(whole, " "), func(word string) bool { return word == "" })
}
