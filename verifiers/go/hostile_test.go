package signetverify

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// vectorTexts are all texts of some member in the files of the vectors: seeds
// for fuzzing. There are none in a copy of the module alone.
func vectorTexts(f *testing.F, member string) []string {
	f.Helper()
	var found []string
	var collect func(any)
	collect = func(value any) {
		switch each := value.(type) {
		case []any:
			for _, inner := range each {
				collect(inner)
			}
		case map[string]any:
			if text, isText := each[member].(string); isText {
				found = append(found, text)
			}
			for _, inner := range each {
				collect(inner)
			}
		}
	}
	files, _ := filepath.Glob(filepath.Join(vectorsFolder, "*.json"))
	for _, file := range files {
		var value any
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &value)
		}
		if err != nil {
			f.Fatal(err)
		}
		collect(value)
	}
	return found
}

// requireTokenError fails for any other error, and for a description that would
// break a header.
func requireTokenError(t *testing.T, err error) {
	t.Helper()
	var refused *TokenError
	if err == nil {
		return
	}
	if !errors.As(err, &refused) {
		t.Fatalf("no TokenError: %v", err)
	}
	for _, each := range refused.Description {
		if each < 0x20 || each > 0x7E || each == '"' || each == '\\' {
			t.Fatalf("%q holds %q", refused.Description, each)
		}
	}
}

// fixedKeys is a key set that needs no issuer.
type fixedKeys struct{ set keySet }

func (k fixedKeys) keyFor(_ context.Context, a algorithm, kid *string) (publicKey, error) {
	keys := &remoteKeys{issuer: "https://issuer.example"}
	return keys.require(k.set.choose(a, kid), a, kid)
}

// judgeAll runs all checks of a token that need no issuer.
func judgeAll(token string, keys keySource) error {
	all, err := readAlgorithms(nil)
	if err != nil {
		return err
	}
	checked, err := verifySignature(context.Background(), token, keys, all)
	if err != nil {
		return err
	}
	// What the verifier offers has to stand any claims that a signature vouches for.
	_, _, _, _ = checked.claims.Scopes(), checked.claims.Roles(), checked.claims.Permissions(), checked.claims.ExpiresAt()
	if _, err := json.Marshal(profileOf(checked.claims)); err != nil {
		return err
	}
	terms := rules{issuer: "https://issuer.example", audiences: []string{api}, types: []string{"at+jwt"}}
	if err := checkClaims(checked, terms, 0); err != nil {
		return err
	}
	return requireUnbound(checked.claims)
}

func FuzzToken(f *testing.F) {
	for _, token := range vectorTexts(f, "token") {
		f.Add(token)
	}
	f.Add("Bearer eyJ9.e30.")
	f.Fuzz(func(t *testing.T, token string) {
		requireTokenError(t, judgeAll(token, fixedKeys{}))
	})
}

// FuzzClaims signs whatever there is: an issuer that was taken over can sign too.
func FuzzClaims(f *testing.F) {
	for _, token := range vectorTexts(f, "token") {
		if parts := strings.Split(token, "."); len(parts) == 3 {
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			f.Add(claims)
		}
	}
	f.Add([]byte(`{"exp":1e308,"iat":-1e308,"scope":{"a":[1]},"aud":[[["x"]]],"roles":[null,{}]}`))
	key := newKey(f, "one")
	keys := fixedKeys{readKeySet(map[string]any{"keys": []any{key.jwk()}})}
	f.Fuzz(func(t *testing.T, claims []byte) {
		requireTokenError(t, judgeAll(signRaw(t, key, claims), keys))
	})
}

func FuzzKeySet(f *testing.F) {
	for _, body := range vectorTexts(f, "body") {
		f.Add([]byte(body))
	}
	tokens := vectorTexts(f, "token")
	f.Fuzz(func(t *testing.T, document []byte) {
		value, err := decodeJSON(document)
		if err != nil {
			return
		}
		set := readKeySet(value)
		for _, token := range tokens[:min(len(tokens), 20)] {
			requireTokenError(t, judgeAll(token, fixedKeys{set}))
		}
	})
}

func FuzzFeed(f *testing.F) {
	for _, body := range vectorTexts(f, "body") {
		f.Add([]byte(body), []byte(body))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		list := newFollowedList()
		for _, document := range [][]byte{first, second} {
			value, err := decodeJSON(document)
			if err != nil {
				continue
			}
			page, err := readFeed(value, len(document))
			if err != nil {
				continue
			}
			next, did, _ := list.take(list.position(), page)
			if did == applied && (next.after == nil || *next.after != page.cursor) {
				t.Fatalf("a page up to %s goes on at %v", page.cursor, next.after)
			}
			list.hear(list.position(), moment{}, true)
			list.findDenying(Claims{"jti": "a", "sub": "b"}, nil, 0)
		}
	})
}

// FuzzEvents: the same bytes give the same events, however they arrive.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: blacklist\r\ndata: {}\r\n\r\n: alive\n\n"))
	f.Add([]byte("data\ndata:\ndata: a\n\n\n\nid: 1\nretry: x\n:\n"))
	f.Add([]byte("data: \xff\xfe\n\nevent: \n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := eventsIn(t, bytes.NewReader(stream))
		pieces := eventsIn(t, iotest.OneByteReader(bytes.NewReader(stream)))
		if whole != pieces {
			t.Fatalf("at once %q, in pieces %q", whole, pieces)
		}
	})
}

func eventsIn(t *testing.T, stream io.Reader) string {
	t.Helper()
	var all strings.Builder
	err := readEvents(stream, func(event *serverEvent) error {
		if event != nil {
			all.WriteString(event.name + "=" + string(event.data) + ";")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestAnEndlessEventIsNotKept(t *testing.T) {
	for name, line := range map[string]string{"of one line": strings.Repeat("x", 1<<20), "of many lines": "data: " + strings.Repeat("x", 1<<20) + "\n"} {
		err := readEvents(&endless{text: line}, func(*serverEvent) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "more than 67108864 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// endless is a stream that repeats a text.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(into []byte) (int, error) {
	count := copy(into, e.text[e.at:])
	e.at = (e.at + count) % len(e.text)
	return count, nil
}

func TestAnOversizedKeyIsRefused(t *testing.T) {
	issuer := newIssuer(t)
	modulus := bytes.Repeat([]byte{0xFF}, 9_000)
	issuer.publish(map[string]any{
		"kty": "RSA", "kid": "large", "e": "AQAB", "n": base64.RawURLEncoding.EncodeToString(modulus),
	})
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"large"}`))
	token := header + ".e30." + strings.Repeat("A", 12_000)
	expect(t, "verdict", outcomeOf(issuer.open(t, nil), token), "unsupported_algorithm")
}
