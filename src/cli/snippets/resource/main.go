// Guards an API in Go. It follows revocations: a revoked token is refused within a second.
//
//	go mod init example
//	go mod edit -require signet.example/signetverify@v0.0.0 -replace signet.example/signetverify=/path/to/signetverify
//	go mod tidy && go run .
//
// /path/to/signetverify is verifiers/go in a checkout, or signet.example/signetverify@v… in the unzipped
// signet-verify-go-….zip of a release.
// A token to try it with, sent as "Authorization: Bearer TOKEN", and the reason if one is refused:
//
//	signet token mint --sub try --resource __AUDIENCE__ --scope __SCOPE__ //? scope
//	signet token mint --sub try --resource __AUDIENCE__ //? no-scope
//	signet doctor TOKEN --resource __AUDIENCE__

package main

import (
	"cmp"
	"encoding/json"
	"log"
	"net/http"
	"os"

	"signet.example/signetverify"
)

func main() {
	options := signetverify.Options{
		Issuer:      "__ISSUER__",
		Audience:    "__AUDIENCE__",
		Revocations: true,
		Name:        "__NAME__", // shown by: signet key list
	}
	//? own-keys
	// This API has keys of its own.
	options.JWKSURI = "__JWKS_URI__"
	//? end
	//? other-typ
	options.Types = []string{"__TYP__"}
	//? end
	//? private-http
	// The issuer has no TLS: for development only.
	options.AllowHTTP = true
	//? end
	verifier, err := signetverify.New(options)
	if err != nil {
		log.Fatal(err)
	}

	// Behind the guard: only with a valid token.
	guarded := http.NewServeMux()
	guarded.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"hello": subject(r)})
	})
	//? scope
	needsScope := verifier.RequireScope("__SCOPE__")
	guarded.Handle("GET /guarded", needsScope(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"guarded": subject(r)})
	})))
	//? end

	// Before the guard: open to everybody.
	all := http.NewServeMux()
	all.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("ok"))
	})
	all.Handle("/", verifier.Middleware(guarded))

	log.Fatal(http.ListenAndServe(":"+cmp.Or(os.Getenv("PORT"), "8080"), all))
}

func subject(r *http.Request) any {
	token, _ := signetverify.FromContext(r.Context())
	return token.Claims["sub"]
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}
