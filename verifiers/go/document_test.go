package signetverify

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The proxies of the environment are read once in a process, so that this test
// runs itself in another one.
func TestNoPlainRequestGoesThroughAProxy(t *testing.T) {
	const told = "SIGNETVERIFY_TEST_PROXY"
	if os.Getenv(told) == "" {
		child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		child.Env = append(os.Environ(), told+"=1", "NO_PROXY=",
			"HTTP_PROXY=http://proxy.example:1", "HTTPS_PROXY=http://proxy.example:1")
		if output, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", err, output)
		}
		return
	}
	transport, isTransport := newClient("test").http.Transport.(*http.Transport)
	if !isTransport {
		t.Fatal("another transport")
	}
	for address, isThroughProxy := range map[string]bool{"http://issuer.internal/": false, "https://issuer.example/": true} {
		request, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		proxy, err := transport.Proxy(request)
		expect(t, address, proxy != nil, isThroughProxy)
		expect(t, address, err, nil)
	}
}

func TestACompressedAnswerIsRefused(t *testing.T) {
	issuer := newIssuer(t)
	key := issuer.addKey(t, "one")
	asked := ""
	issuer.answer(jwks, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		writer := gzip.NewWriter(w)
		_ = json.NewEncoder(writer).Encode(map[string]any{"keys": issuer.published()})
		_ = writer.Close()
	})
	verifier := issuer.open(t, nil)
	_, err := verifier.VerifyToken(t.Context(), issuer.sign(t, key, nil))
	if err == nil || !strings.Contains(err.Error(), "compressed (gzip)") {
		t.Fatalf("got %v", err)
	}
	expect(t, "asked for", asked, "identity")
}
