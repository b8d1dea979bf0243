// Package signetverify verifies access tokens of Signet and of other issuers
// that publish a JSON Web Key Set. A bad token is refused with a [TokenError]
// and never with a panic; a revoked token is refused within a second; and no
// request waits for a network call once keys and revocations are loaded.
//
// A [Verifier] is made once by [New] and shared by all requests:
//
//	verifier, err := signetverify.New(signetverify.Options{
//		Issuer:      "https://issuer.example",
//		Audience:    "https://api.example",
//		Revocations: true,
//		Name:        "orders-api",
//	})
//	mux.Handle("GET /orders", verifier.RequireScope("orders:read")(orders))
//
// The files of this package run one way. verifier.go combines keys
// (remote_keys.go), checks (signature.go, claims.go) and revocations
// (follower.go over followed_list.go over revocation_list.go); guard.go puts
// them in front of handlers.
package signetverify
