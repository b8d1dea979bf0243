package signetverify

import (
	"net/http"
	"strings"
)

// blanks are the white space of a header (RFC 9110 section 5.6.3). Any other
// belongs to the value.
const blanks = " \t"

const howToSend = "send the token as: Authorization: Bearer TOKEN"

// findToken returns the token in the Authorization header of a request (RFC 6750
// section 2.1). Its errors are *TokenError: MissingToken, MalformedToken,
// WrongType.
func findToken(r *http.Request) (string, error) {
	// Several headers are one list, and a list of tokens is refused.
	value := strings.Trim(strings.Join(r.Header.Values("Authorization"), ", "), blanks)
	scheme, rest, _ := strings.Cut(value, " ")
	token := strings.Trim(rest, blanks)
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
