package signetverify

import (
	"net/http"
	"strings"
)

const howToSend = "send the token as: Authorization: Bearer TOKEN"

// findToken returns the token in the Authorization header of a request (RFC 6750
// section 2.1). Its errors are *TokenError: MissingToken, MalformedToken,
// WrongType.
func findToken(r *http.Request) (string, error) {
	// Several headers are one list, and a list of tokens is refused.
	value := strings.TrimSpace(strings.Join(r.Header.Values("Authorization"), ", "))
	scheme, rest, _ := strings.Cut(value, " ")
	token := strings.TrimSpace(rest)
	switch {
	case token == "":
		return "", refuse(MissingToken, howToSend)
	case strings.EqualFold(scheme, "DPoP"):
		return "", refuse(WrongType, "no proofs of possession (DPoP) are checked here: %s", howToSend)
	case !strings.EqualFold(scheme, "Bearer"):
		return "", refuse(MissingToken, howToSend)
	case strings.ContainsAny(token, " \t,"):
		return "", refuse(MalformedToken, "Authorization holds more than one token, or one with white space in it")
	}
	return token, nil
}
