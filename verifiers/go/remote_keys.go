package signetverify

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// servesMeanwhile: a set that expired less than this ago is used while the
	// next one is fetched.
	servesMeanwhile = 60 * time.Second
	// maxStaleKeys: expired keys are used for so long while the issuer cannot be reached.
	maxStaleKeys = time.Hour
	// unknownCooldown is the time between two fetches for unknown keys. An
	// unplanned rotation is noticed at once, or after this time.
	unknownCooldown = 5 * time.Second
	// retryAfterFault is the time between two attempts while the issuer does not answer.
	retryAfterFault = 5 * time.Second
	discoveredFor   = time.Hour
	mostKeyBytes    = 512 << 10
)

// remoteKeys are the keys of the issuer, fetched over HTTP: when to fetch, how
// long a set may be used, and what happens if the issuer cannot be reached. At
// most one request is running, and all tokens wait for the same one. A response
// is as old as its request: it says nothing about later changes of the set. No
// time is compared with the wall clock, which may be set forward and back.
type remoteKeys struct {
	settings settings
	issuer   string
	client   *client
	ctx      context.Context

	mu sync.Mutex
	// held is the present set; nil before the first.
	held       *heldSet
	freshUntil time.Duration
	// fetching is closed when the running request has ended; nil if none runs.
	fetching chan struct{}
	// fault is that of the last request; nil if it succeeded.
	fault         error
	faultAt       time.Duration
	lastUnknownAt time.Duration
	// suspectedAt: a response to a request from before may lack a change of the set.
	suspectedAt  time.Duration
	discovered   string
	discoveredAt time.Duration
}

// heldSet is a set as one response brought or confirmed it. It is never
// changed, so two tokens that saw the same pointer saw the same response.
type heldSet struct {
	set  keySet
	text []byte
	etag string
}

const longAgo = -1 << 62

// newRemoteKeys fetches nothing before the first token. The keys end with ctx.
func newRemoteKeys(ctx context.Context, s settings, c *client) *remoteKeys {
	return &remoteKeys{
		settings: s, issuer: s.rules.issuer, client: c, ctx: ctx,
		lastUnknownAt: longAgo, suspectedAt: longAgo,
	}
}

// suspectChange makes the next token fetch the set again, for example because a
// key was revoked.
func (k *remoteKeys) suspectChange() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.suspectedAt = k.now()
	k.freshUntil = min(k.freshUntil, k.suspectedAt)
	k.fetchSoon()
}

// keyFor returns the key for a token. Its errors are *TokenError: UnknownKey,
// UnsupportedAlgorithm, IssuerUnavailable.
func (k *remoteKeys) keyFor(ctx context.Context, a algorithm, kid *string) (publicKey, error) {
	before := k.current()
	held, err := k.usable(ctx)
	if err != nil {
		return publicKey{}, err
	}
	found := held.set.choose(a, kid)
	isOld := held == before
	if found.outcome == unknownKey && isOld {
		// The running request may be older than the key. If it does not bring the
		// key, another request follows.
		k.wait(ctx, k.running())
		found = k.current().set.choose(a, kid)
	}
	if found.outcome == unknownKey && isOld {
		if err := k.refetchForUnknown(ctx); err != nil {
			return publicKey{}, err
		}
		found = k.current().set.choose(a, kid)
	}
	return k.require(found, a, kid)
}

// holds says whether the present set has a key of this name, fresh or not.
func (k *remoteKeys) holds(kid *string) bool {
	held := k.current()
	return held != nil && held.set.holds(kid)
}

func (k *remoteKeys) current() *heldSet {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held
}

func (k *remoteKeys) running() chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fetching
}

// wait ends with the request, with the caller's context, or with the verifier.
// It returns whether the request has ended.
func (k *remoteKeys) wait(ctx context.Context, running chan struct{}) bool {
	if running == nil {
		return true
	}
	select {
	case <-running:
		return true
	case <-ctx.Done():
	case <-k.ctx.Done():
	}
	return false
}

// usable returns a set that may be used now, fetched if necessary.
func (k *remoteKeys) usable(ctx context.Context) (*heldSet, error) {
	k.mu.Lock()
	held, age := k.held, k.now()-k.freshUntil
	if held != nil && age < 0 {
		k.mu.Unlock()
		return held, nil
	}
	k.fetchSoon()
	running := k.fetching
	// Tokens do not wait for an issuer that has just failed, or for a set that has
	// just expired.
	serves := held != nil && (age < servesMeanwhile || k.fault != nil) && age < maxStaleKeys
	k.mu.Unlock()
	if !serves {
		k.wait(ctx, running)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held != nil && k.now()-k.freshUntil < maxStaleKeys {
		return k.held, nil
	}
	return nil, k.unavailable(ctx)
}

func (k *remoteKeys) refetchForUnknown(ctx context.Context) error {
	k.mu.Lock()
	if k.now()-k.lastUnknownAt >= unknownCooldown {
		k.lastUnknownAt = k.now()
		k.fetchSoon()
	}
	running := k.fetching
	k.mu.Unlock()
	hasEnded := k.wait(ctx, running)
	k.mu.Lock()
	defer k.mu.Unlock()
	// The key may exist, but the issuer cannot be asked.
	if k.fault != nil || !hasEnded {
		return k.unavailable(ctx)
	}
	return nil
}

func (k *remoteKeys) require(found choice, a algorithm, kid *string) (publicKey, error) {
	named := any(nil)
	if kid != nil {
		named = *kid
	}
	switch found.outcome {
	case foundKey:
		return found.key, nil
	case ambiguousKey:
		return publicKey{}, refuse(UnknownKey, "the token names no key (kid), and the issuer has several")
	case otherAlgorithm:
		of := found.key.alg
		if of == "" {
			of = found.key.kty
		}
		return publicKey{}, refuse(UnsupportedAlgorithm, "the token says %s, but key %s is for %s", a.name, shown(named), of)
	default:
		return publicKey{}, refuse(UnknownKey, "the issuer %s has no key %s: rotated out, or of another issuer", k.issuer, shown(named))
	}
}

// unavailable needs the lock.
func (k *remoteKeys) unavailable(ctx context.Context) *TokenError {
	cause, told := k.fault, ""
	if k.ctx.Err() != nil {
		cause = context.Cause(k.ctx)
	} else if ctx.Err() != nil {
		cause, told = context.Cause(ctx), ": the request was not waited for"
	}
	var request *requestFault
	if errors.As(cause, &request) {
		told = ": " + request.Error()
	}
	return refuse(IssuerUnavailable, "the issuer's keys cannot be read%s", told).because(cause)
}

// fetchSoon starts a request unless one runs or has just failed. It needs the lock.
func (k *remoteKeys) fetchSoon() {
	if k.fetching != nil || k.ctx.Err() != nil {
		return
	}
	if k.fault != nil && k.now()-k.faultAt < retryAfterFault {
		return
	}
	ended := make(chan struct{})
	k.fetching = ended
	go func() {
		err := k.fetch()
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.fault = err; err != nil {
			k.faultAt = k.now()
			// The set may have moved: its address is looked up again.
			k.discovered = ""
		}
		k.fetching = nil
		close(ended)
	}()
}

func (k *remoteKeys) fetch() error {
	address, err := k.address()
	if err != nil {
		return err
	}
	held := k.current()
	etag := ""
	if held != nil {
		etag = held.etag
	}
	askedAt := k.now()
	answer, err := k.client.get(k.ctx, address, etag, mostKeyBytes)
	if err != nil {
		return err
	}
	return k.take(address, answer, askedAt)
}

func (k *remoteKeys) take(address string, answer document, askedAt time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := heldSet{text: answer.text, etag: answer.header.Get("ETag")}
	if held := k.held; held != nil && (!answer.changed || bytes.Equal(answer.text, held.text)) {
		next = *held
	} else if next.set = readKeySet(answer.value); len(next.set.keys) == 0 {
		return fault(address, "holds no public signature key")
	}
	k.held = &next
	k.freshUntil = k.now() + freshFor(answer.header)
	if k.suspectedAt > askedAt {
		k.freshUntil = k.suspectedAt
	}
	return nil
}

func (k *remoteKeys) address() (string, error) {
	if k.settings.jwksURI != "" {
		return k.settings.jwksURI, nil
	}
	k.mu.Lock()
	known, at := k.discovered, k.discoveredAt
	k.mu.Unlock()
	if known != "" && k.now()-at < discoveredFor {
		return known, nil
	}
	found, err := k.client.findJWKSURI(k.ctx, k.issuer)
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.discovered, k.discoveredAt = found, k.now()
	return found, nil
}

func (k *remoteKeys) now() time.Duration { return k.settings.clock.even() }
