package signetverify

import (
	// The hashes of the algorithms, which golang-jwt looks up by name.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// algorithm is a signature algorithm for tokens, and the keys that belong to it
// (RFC 7518 section 3.1, RFC 8037, RFC 9864).
type algorithm struct {
	name   string
	kty    string
	crv    string
	method jwt.SigningMethod
}

// asymmetric holds all accepted algorithms. All of them verify with a public
// key, so an API that can verify cannot sign.
var asymmetric = []algorithm{
	{"ES256", "EC", "P-256", jwt.SigningMethodES256},
	{"ES384", "EC", "P-384", jwt.SigningMethodES384},
	{"ES512", "EC", "P-521", jwt.SigningMethodES512},
	{"RS256", "RSA", "", jwt.SigningMethodRS256},
	{"RS384", "RSA", "", jwt.SigningMethodRS384},
	{"RS512", "RSA", "", jwt.SigningMethodRS512},
	{"PS256", "RSA", "", jwt.SigningMethodPS256},
	{"PS384", "RSA", "", jwt.SigningMethodPS384},
	{"PS512", "RSA", "", jwt.SigningMethodPS512},
	{"EdDSA", "OKP", "Ed25519", jwt.SigningMethodEdDSA},
	// The algorithm has two names (RFC 9864 section 2.2).
	{"Ed25519", "OKP", "Ed25519", jwt.SigningMethodEdDSA},
}

func findAlgorithm(name string) (algorithm, bool) {
	at := slices.IndexFunc(asymmetric, func(each algorithm) bool { return each.name == name })
	if at < 0 {
		return algorithm{}, false
	}
	return asymmetric[at], true
}

func readAlgorithms(names []string) ([]string, error) {
	var all []string
	for _, each := range asymmetric {
		all = append(all, each.name)
	}
	if names == nil {
		return all, nil
	}
	if len(names) == 0 {
		return nil, wrong("Algorithms", "is an empty list: every token would be refused")
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, wrong("Algorithms", "holds %q, which does not verify with a public key; accepted are %s",
				name, strings.Join(all, ", "))
		}
	}
	return slices.Clone(names), nil
}

// fits says whether a key may verify an algorithm. The key decides, never the
// token alone (RFC 8725 section 3.1).
func (a algorithm) fits(key publicKey) bool {
	if key.kty != a.kty || (a.crv != "" && key.crv != a.crv) {
		return false
	}
	if key.alg == "" || key.alg == a.name {
		return true
	}
	named, isKnown := findAlgorithm(key.alg)
	return isKnown && a.kty == "OKP" && named.kty == "OKP"
}
