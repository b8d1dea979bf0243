package signetverify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math"
	"math/big"
	"slices"
)

// publicKey is a signature key of the issuer (RFC 7517 section 4).
type publicKey struct {
	kid    string
	hasKid bool
	kty    string
	crv    string
	// alg is empty if the key names none.
	alg string
	// key is nil if it cannot be used. Such a key is treated as missing, because
	// the fault is in the issuer's document.
	key crypto.PublicKey
}

// keySet is a JSON Web Key Set (RFC 7517 section 5) with the public signature
// keys alone.
type keySet struct{ keys []publicKey }

// readKeySet leaves out entries that are no public signature keys.
func readKeySet(document any) keySet {
	members, _ := document.(map[string]any)
	listed, _ := members["keys"].([]any)
	var set keySet
	for _, each := range listed {
		if jwk, isObject := each.(map[string]any); isObject {
			if key, isUsable := readKey(jwk); isUsable {
				set.keys = append(set.keys, key)
			}
		}
	}
	return set
}

func readKey(jwk map[string]any) (publicKey, bool) {
	if !isForSignatures(jwk) {
		return publicKey{}, false
	}
	kid, hasKid := jwk["kid"].(string)
	key := publicKey{kid: kid, hasKid: hasKid, kty: text(jwk, "kty"), crv: text(jwk, "crv"), alg: text(jwk, "alg")}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return text(jwk, name) == "" })
	}
	switch {
	case key.kty == "EC" && has("crv", "x", "y"):
		key.key = ecKey(key.crv, octets(jwk, "x"), octets(jwk, "y"))
	case key.kty == "RSA" && has("n", "e"):
		key.key = rsaKey(octets(jwk, "n"), octets(jwk, "e"))
	case key.kty == "OKP" && has("crv", "x"):
		key.key = edKey(key.crv, octets(jwk, "x"))
	default:
		return publicKey{}, false
	}
	return key, true
}

func isForSignatures(jwk map[string]any) bool {
	if use, isNamed := jwk["use"]; isNamed && use != "sig" {
		return false
	}
	operations, areNamed := jwk["key_ops"].([]any)
	return !areNamed || slices.Contains(operations, any("verify"))
}

func text(members map[string]any, name string) string {
	value, _ := members[name].(string)
	return value
}

// octets returns nil for a value that is not base64url.
func octets(members map[string]any, name string) []byte {
	decoded, err := base64.RawURLEncoding.DecodeString(text(members, name))
	if err != nil {
		return nil
	}
	return decoded
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// ecKey reads a point (RFC 7518 section 6.2.1); nil if it is not on the curve.
func ecKey(crv string, x, y []byte) crypto.PublicKey {
	curve, isKnown := curves[crv]
	if !isKnown {
		return nil
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size {
		return nil
	}
	key := &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
	if _, err := key.ECDH(); err != nil {
		return nil
	}
	return key
}

// rsaKey reads a key (RFC 7518 section 6.3.1); nil if it is none.
func rsaKey(n, e []byte) crypto.PublicKey {
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if modulus.Sign() <= 0 || modulus.Bit(0) == 0 {
		return nil
	}
	if !exponent.IsInt64() || exponent.Int64() < 3 || exponent.Int64() > math.MaxInt32 || exponent.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
}

// edKey reads a key (RFC 8037 section 2); nil if it is none.
func edKey(crv string, x []byte) crypto.PublicKey {
	if crv != "Ed25519" || len(x) != ed25519.PublicKeySize {
		return nil
	}
	return ed25519.PublicKey(x)
}

// holds says whether a key has this name.
func (s keySet) holds(kid *string) bool {
	return slices.ContainsFunc(s.keys, func(key publicKey) bool {
		return kid != nil && key.hasKid && key.kid == *kid
	})
}

// choice is a key that may verify a token, or the reason why there is none.
type choice struct {
	outcome outcome
	key     publicKey
}

type outcome int

const (
	unknownKey outcome = iota
	ambiguousKey
	otherAlgorithm
	foundKey
)

// choose finds the key for a token. A token without kid is verified only if the
// set has one key.
func (s keySet) choose(a algorithm, kid *string) choice {
	if kid == nil && len(s.keys) > 1 {
		return choice{outcome: ambiguousKey}
	}
	var named []publicKey
	for _, each := range s.keys {
		if kid == nil || (each.hasKid && each.kid == *kid) {
			named = append(named, each)
		}
	}
	if len(named) == 0 {
		return choice{outcome: unknownKey}
	}
	at := slices.IndexFunc(named, a.fits)
	if at < 0 {
		return choice{outcome: otherAlgorithm, key: named[0]}
	}
	if named[at].key == nil {
		return choice{outcome: unknownKey}
	}
	return choice{outcome: foundKey, key: named[at]}
}
