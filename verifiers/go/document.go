package signetverify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	requestTimeout = 5 * time.Second
	mostHeader     = 64 << 10
	// longestAge is the value of an unreadable Age, in seconds.
	longestAge = 1 << 31
)

// requestFault is the failure of a request, described for an operator.
type requestFault struct {
	address string
	what    string
	// status is 0 if there was no response.
	status int
	cause  error
}

func (f *requestFault) Error() string { return f.address + " " + f.what }
func (f *requestFault) Unwrap() error { return f.cause }

func fault(address, format string, values ...any) *requestFault {
	return &requestFault{address: address, what: fmt.Sprintf(format, values...)}
}

// errClosed is the cause of requests that end because the verifier is closed.
var errClosed = errors.New("was not waited for: the verifier is closed")

// client sends the requests of a verifier. Redirects are not followed: keys
// come from the configured address only.
type client struct {
	http      *http.Client
	userAgent string
}

func newClient(userAgent string) *client {
	transport := &http.Transport{
		Proxy:                  proxyFor,
		DisableCompression:     true,
		MaxResponseHeaderBytes: mostHeader,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{http: &http.Client{Transport: transport, CheckRedirect: stay}, userAgent: userAgent}
}

// proxyFor: a plain request goes to loopback or a private network, and a proxy
// between could read and replace the answer.
func proxyFor(request *http.Request) (*url.URL, error) {
	if request.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(request)
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send asks for an address. A response with any status is no error.
func (c *client) send(ctx context.Context, address string, header map[string]string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, asFault(ctx, address, err)
	}
	request.Header.Set("User-Agent", c.userAgent)
	// A compressed answer could become larger than any bound, and compression would
	// hold events back.
	request.Header.Set("Accept-Encoding", "identity")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, asFault(ctx, address, err)
	}
	return response, nil
}

// document is a JSON document of the issuer.
type document struct {
	// changed is false if the present copy is still right.
	changed bool
	value   any
	text    []byte
	header  http.Header
}

// get fetches one JSON document, bounded in time and size. etag is that of the
// present copy, or empty. Every error is a *requestFault.
func (c *client) get(ctx context.Context, address, etag string, mostBytes int64) (document, error) {
	limit := limitTime(ctx, requestTimeout)
	defer limit.stop()
	header := map[string]string{"Accept": "application/json"}
	if etag != "" {
		header["If-None-Match"] = etag
	}
	response, err := c.send(limit.ctx, address, header)
	if err != nil {
		return document{}, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotModified && etag != "" {
		return document{header: response.Header}, nil
	}
	if err := requireDocument(address, response); err != nil {
		return document{}, err
	}
	return readDocument(limit.ctx, address, response, mostBytes)
}

func requireDocument(address string, response *http.Response) error {
	status := response.StatusCode
	what := ""
	if status == http.StatusNotModified {
		what = "answered 304 without being asked to"
	} else if status >= 300 && status < 400 {
		target := response.Header.Get("Location")
		what = fmt.Sprintf("redirects to %s, which is not followed", target[:min(len(target), 200)])
	} else if status != http.StatusOK {
		what = "answered " + strconv.Itoa(status)
	} else if encoding := response.Header.Get("Content-Encoding"); !isPlainEncoding(encoding) {
		what = fmt.Sprintf("answered compressed (%s), without being asked to", encoding[:min(len(encoding), 60)])
	} else if kind := response.Header.Get("Content-Type"); strings.Contains(strings.ToLower(kind), "html") {
		// The content decides, because file servers send key sets as plain text or
		// bytes. HTML is a login or error page.
		what = fmt.Sprintf("answered %s instead of JSON", kind[:min(len(kind), 60)])
	}
	if what == "" {
		return nil
	}
	return &requestFault{address: address, what: what, status: status}
}

func isPlainEncoding(encoding string) bool {
	named := strings.ToLower(strings.TrimSpace(encoding))
	return named == "" || named == "identity"
}

var byteOrderMark = []byte("\uFEFF")

func readDocument(ctx context.Context, address string, response *http.Response, mostBytes int64) (document, error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, mostBytes+1))
	if err != nil {
		return document{}, asFault(ctx, address, err)
	}
	if int64(len(text)) > mostBytes {
		return document{}, fault(address, "answered more than %d bytes", mostBytes)
	}
	value, err := decodeJSON(bytes.ToValidUTF8(bytes.TrimPrefix(text, byteOrderMark), []byte("\uFFFD")))
	if err != nil {
		return document{}, fault(address, "answered no JSON")
	}
	return document{changed: true, value: value, text: text, header: response.Header}, nil
}

// asFault describes an error. If the context has ended, its cause tells why.
func asFault(ctx context.Context, address string, err error) *requestFault {
	var known *requestFault
	if errors.As(err, &known) {
		return known
	}
	if ctx.Err() != nil {
		cause := context.Cause(ctx)
		return &requestFault{address: address, what: cause.Error(), cause: cause}
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return &requestFault{address: address, what: "could not be reached: " + err.Error(), cause: err}
}

// timeInCaches is the time for which caches have kept an answer (RFC 9111
// section 5.1). Of several values the highest counts.
func timeInCaches(header http.Header) time.Duration {
	longest := 0
	for _, line := range header.Values("Age") {
		for each := range strings.SplitSeq(line, ",") {
			longest = max(longest, readAge(strings.TrimSpace(each)))
		}
	}
	return time.Duration(longest) * time.Second
}

func readAge(text string) int {
	seconds, err := strconv.ParseUint(text, 10, 30)
	if err != nil {
		return longestAge
	}
	return int(seconds)
}

// timeLimit ends a request when its time is over. The time can be extended.
type timeLimit struct {
	ctx   context.Context
	end   context.CancelCauseFunc
	timer *time.Timer
}

func limitTime(ctx context.Context, limit time.Duration) *timeLimit {
	limited, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { end(errors.New("gave no answer in time")) })
	return &timeLimit{ctx: limited, end: end, timer: timer}
}

// extend starts the time again.
func (l *timeLimit) extend(limit time.Duration) { l.timer.Reset(limit) }

// stop stops the time and frees what the request holds.
func (l *timeLimit) stop() {
	l.timer.Stop()
	l.end(context.Canceled)
}
