package signetverify

import (
	"math"
	"slices"
	"time"
)

// readClaims reads the payload of a token whose signature is valid. Its errors
// are *TokenError with MalformedToken.
func readClaims(payload string) (Claims, error) {
	members, err := readObject(payload, "payload")
	if err != nil {
		return nil, err
	}
	if _, isNamed := members["exp"]; !isNamed {
		return nil, refuse(MalformedToken, "the token never expires: exp is missing")
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, isNamed := members[name]
		if _, isNumber := value.(float64); isNamed && !isNumber {
			return nil, refuse(MalformedToken, "%s is not a number", name)
		}
	}
	for _, name := range []string{"iss", "sub", "jti", "client_id", "sid"} {
		value, isNamed := members[name]
		if _, isText := value.(string); isNamed && !isText {
			return nil, refuse(MalformedToken, "%s is not a string", name)
		}
	}
	return members, nil
}

// checkClaims checks time, issuer, audience and type. Its errors are
// *TokenError: TokenExpired, TokenNotActive, WrongIssuer, WrongAudience,
// WrongType.
func checkClaims(s signed, r rules, now time.Duration) error {
	if err := checkTime(s.claims, now.Seconds(), r.tolerance.Seconds()); err != nil {
		return err
	}
	if issuer, isNamed := s.claims["iss"]; !isNamed || issuer != r.issuer {
		return refuse(WrongIssuer, "the token was issued by %s, not by %s", shown(s.claims["iss"]), shown(r.issuer))
	}
	if !r.anyAudience && !isFor(s.claims["aud"], r.audiences) {
		return refuse(WrongAudience, "the token is for %s, not for %s", shown(s.claims["aud"]), shownAll(r.audiences))
	}
	if typ, _ := s.header["typ"].(string); !slices.Contains(r.types, normalType(typ)) {
		return refuse(WrongType, "the token's typ is %s, not %s; an API takes access tokens",
			shown(s.header["typ"]), shownAll(r.types))
	}
	return nil
}

func checkTime(claims Claims, now, tolerance float64) error {
	exp, _ := claims["exp"].(float64)
	if exp <= now-tolerance {
		return refuse(TokenExpired, "the token expired %.0f s ago: get a new one", math.Ceil(now-exp))
	}
	if nbf, isNamed := claims["nbf"].(float64); isNamed && nbf > now+tolerance {
		return refuse(TokenNotActive, "the token is not valid for another %.0f s (nbf)", math.Ceil(nbf-now))
	}
	if iat, isNamed := claims["iat"].(float64); isNamed && iat > now+tolerance {
		return refuse(TokenNotActive, "the token was issued %.0f s in the future (iat): compare the clocks",
			math.Ceil(iat-now))
	}
	return nil
}

// isFor says whether one of the names is in aud, which is a name or a list (RFC
// 7519 section 4.1.3).
func isFor(aud any, names []string) bool {
	listed, isList := aud.([]any)
	if !isList {
		listed = []any{aud}
	}
	return slices.ContainsFunc(listed, func(each any) bool {
		name, isText := each.(string)
		return isText && slices.Contains(names, name)
	})
}

// requireUnbound refuses a token that is bound to a key (RFC 7800): whoever
// holds it would have to prove the key, and this package reads no proofs.
func requireUnbound(claims Claims) error {
	if _, isBound := claims["cnf"]; isBound {
		return refuse(WrongType, "the token is bound to a key (cnf), and no proof can be checked here")
	}
	return nil
}
