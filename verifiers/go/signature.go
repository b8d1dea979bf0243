package signetverify

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// mostTokenBytes: a longer token is refused before any other check.
	mostTokenBytes = 16384
	// leastRSABits is the least size of a modulus (RFC 7518 section 3.3).
	leastRSABits = 2048
	// mostRSABits bounds the time that one signature takes.
	mostRSABits = 16384
)

// compact is the form of a token (RFC 7515 section 7.1). Decoders accept more
// than this, and then one token has many spellings.
var compact = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$`)

// strictBase64 refuses spare bits that are not zero (RFC 4648 section 3.5).
var strictBase64 = base64.RawURLEncoding.Strict()

// signed is a token with a valid signature, and the key that verified it.
type signed struct {
	claims Claims
	header Header
	key    publicKey
}

// signedHeader holds the parameters of a header that decide about the signature.
type signedHeader struct {
	members Header
	alg     algorithm
	// kid is nil if the token names no key.
	kid *string
}

// keySource finds the key of a token. Its errors are *TokenError.
type keySource interface {
	keyFor(ctx context.Context, a algorithm, kid *string) (publicKey, error)
}

// verifySignature checks form, algorithm, key and signature, in the order that
// gives the most helpful code. No claim is believed before. Every error is a
// *TokenError. The header is read once, here, so that what is checked is what
// decides.
func verifySignature(ctx context.Context, token string, keys keySource, accepted []string) (signed, error) {
	if err := requireForm(token); err != nil {
		return signed{}, err
	}
	parts := strings.Split(token, ".")
	header, err := readHeader(parts[0], accepted)
	if err != nil {
		return signed{}, err
	}
	key, err := keys.keyFor(ctx, header.alg, header.kid)
	if err != nil {
		return signed{}, err
	}
	payload, err := requireSignature(parts, header.alg, key)
	if err != nil {
		return signed{}, err
	}
	claims, err := readClaims(payload)
	if err != nil {
		return signed{}, err
	}
	return signed{claims: claims, header: header.members, key: key}, nil
}

func requireForm(token string) error {
	if token == "" {
		return refuse(MissingToken, "there is no token")
	}
	if len(token) > mostTokenBytes {
		return refuse(MalformedToken, "the token is longer than %d characters", mostTokenBytes)
	}
	if !compact.MatchString(token) {
		return refuse(MalformedToken, "%s", describeForm(token))
	}
	for part := range strings.SplitSeq(token, ".") {
		if _, err := strictBase64.DecodeString(part); err != nil {
			return refuse(MalformedToken, "a part of the token is not base64url")
		}
	}
	return nil
}

var (
	afterBearer = regexp.MustCompile(`(?i)^\s*bearer\s`)
	inQuotes    = regexp.MustCompile(`^["'].*["']$`)
	blank       = regexp.MustCompile(`\s`)
)

// describeForm describes common mistakes, such as a token pasted with quotes.
func describeForm(token string) string {
	switch {
	case strings.HasPrefix(token, "sgr_"):
		return "this is a refresh token; an API takes the access token"
	case afterBearer.MatchString(token):
		return "leave the word Bearer out of the token"
	case inQuotes.MatchString(token):
		return "there are quotes around the token"
	case blank.MatchString(token):
		return "there is white space in the token"
	case strings.Count(token, ".") == 4:
		return "the token is encrypted"
	default:
		return "this is no signed JWT"
	}
}

// readHeader checks the header. jwk, jku, x5u and x5c are ignored, because a
// forger can write them (RFC 8725 section 3.10).
func readHeader(part string, accepted []string) (signedHeader, error) {
	members, err := readObject(part, "header")
	if err != nil {
		return signedHeader{}, err
	}
	if _, isNamed := members["crit"]; isNamed {
		return signedHeader{}, refuse(MalformedToken, "the token names extensions (crit) that are not understood")
	}
	name, _ := members["alg"].(string)
	if name == "" {
		return signedHeader{}, refuse(MalformedToken, "the token names no algorithm (alg)")
	}
	kid, err := readKid(members)
	if err != nil {
		return signedHeader{}, err
	}
	alg, isKnown := findAlgorithm(name)
	if !isKnown || !slices.Contains(accepted, name) {
		return signedHeader{}, refuse(UnsupportedAlgorithm, "the algorithm %s is not accepted; accepted are %s",
			shown(name), strings.Join(accepted, ", "))
	}
	return signedHeader{members: members, alg: alg, kid: kid}, nil
}

func readKid(members Header) (*string, error) {
	value, isNamed := members["kid"]
	if !isNamed {
		return nil, nil
	}
	kid, isText := value.(string)
	if !isText {
		return nil, refuse(MalformedToken, "kid is not a string")
	}
	return &kid, nil
}

// readObject reads the JSON object of a part of the token. Its numbers are
// exact, and its depth is bounded.
func readObject(part, what string) (map[string]any, error) {
	decoded, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, refuse(MalformedToken, "the %s is not base64url", what)
	}
	value, err := decodeJSON(decoded)
	if err != nil {
		return nil, refuse(MalformedToken, "the %s is not JSON", what)
	}
	exact, err := exactValue(value, "", 0)
	var inexact inexactError
	if errors.As(err, &inexact) {
		return nil, refuse(MalformedToken,
			"%s holds a number that many programs would change: the issuer has to send it as a string", shown(inexact.name))
	}
	if err != nil {
		return nil, refuse(MalformedToken, "the %s of the token %s", what, err)
	}
	members, isObject := exact.(map[string]any)
	if !isObject {
		return nil, refuse(MalformedToken, "the %s is no JSON object", what)
	}
	return members, nil
}

func requireSize(key publicKey, alg algorithm) error {
	rsaKey, isRSA := key.key.(*rsa.PublicKey)
	if !isRSA {
		return nil
	}
	if bits := rsaKey.N.BitLen(); bits < leastRSABits || bits > mostRSABits {
		return refuse(UnsupportedAlgorithm, "the key has %d bits, and %s takes %d to %d", bits, alg.name, leastRSABits, mostRSABits)
	}
	return nil
}

// requireSignature returns the payload, still encoded.
func requireSignature(parts []string, alg algorithm, key publicKey) (string, error) {
	if err := requireSize(key, alg); err != nil {
		return "", err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return "", refuse(MalformedToken, "the signature is not base64url")
	}
	err = alg.method.Verify(parts[0]+"."+parts[1], signature, key.key)
	if errors.Is(err, jwt.ErrInvalidKeyType) || errors.Is(err, jwt.ErrHashUnavailable) {
		return "", refuse(UnsupportedAlgorithm, "the key cannot be used for the algorithm of the token").because(err)
	}
	if err != nil {
		return "", refuse(InvalidSignature, "the signature does not belong to this token and key").because(err)
	}
	return parts[1], nil
}
