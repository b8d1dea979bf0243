package signetverify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"signet.example/signetverify"
)

func Example() {
	verifier, err := signetverify.New(signetverify.Options{
		Issuer:      "https://issuer.example",
		Audience:    "https://api.example",
		Revocations: true,
		Name:        "orders-api",
	})
	if err != nil {
		log.Fatal(err)
	}
	orders := func(w http.ResponseWriter, r *http.Request) {
		token, _ := signetverify.FromContext(r.Context())
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"for": token.Claims.Subject()})
	}
	http.Handle("GET /orders", verifier.RequireScope("orders:read")(http.HandlerFunc(orders)))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}

func ExampleVerifier_VerifyToken() {
	verifier, err := signetverify.New(signetverify.Options{Issuer: "https://issuer.example", Audience: "https://api.example"})
	if err != nil {
		log.Fatal(err)
	}
	defer verifier.Close()
	token, err := verifier.VerifyToken(context.Background(), "sgr_a-refresh-token")
	var refused *signetverify.TokenError
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code)
		fmt.Println(refused.Description)
		return
	}
	fmt.Println(token.Claims.Subject(), token.Claims.Scopes())
	// Output:
	// 401 malformed_token
	// this is a refresh token; an API takes the access token
}

// The quickstart in the README is the example above, as a program of its own.
func TestTheQuickstartIsTheExample(t *testing.T) {
	bodyOf := func(file, name string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`(?s)\nfunc ` + name + `\(\) \{\n(.*?)\n\}\n`).FindStringSubmatch(string(text))
		if found == nil {
			t.Fatalf("%s has no func %s", file, name)
		}
		return strings.TrimSpace(found[1])
	}
	if readme, example := bodyOf("README.md", "main"), bodyOf("example_test.go", "Example"); readme != example {
		t.Errorf("the README has\n%s\n\nand the example is\n%s", readme, example)
	}
}
