package signetverify

import (
	"context"
	"errors"
)

// Verifier verifies the tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	settings settings
	client   *client
	keys     *remoteKeys
	// follower is nil if revocations are not followed.
	follower *follower
	ctx      context.Context
	end      context.CancelCauseFunc
}

// New makes a verifier for the tokens of one issuer. Nothing is fetched before
// the first token. Its error is an *OptionError that names the option that is
// missing or wrong.
func New(options Options) (*Verifier, error) {
	s, err := readOptions(options)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancelCause(context.Background())
	v := &Verifier{settings: s, client: newClient(s.userAgent), ctx: ctx, end: end}
	v.keys = newRemoteKeys(ctx, s, v.client)
	if s.feedURL != "" {
		v.follower = newFollower(ctx, s, v.client, v.keys.suspectChange)
	}
	return v, nil
}

// VerifyToken verifies a token. Overrides change expectations for this call.
//
// For every fault of the token, the issuer or the feed the error is a
// *TokenError; that of a context which ends meanwhile lies behind it. An
// *OptionError says that an override is wrong, or that neither the verifier nor
// the call names an audience.
func (v *Verifier) VerifyToken(ctx context.Context, token string, overrides ...Overrides) (*Token, error) {
	terms, err := v.terms(overrides)
	if err != nil {
		return nil, err
	}
	verified, err := v.verify(ctx, token, terms)
	return verified, v.challenged(err)
}

// challenged adds the address of the API's own metadata, if the options name it.
func (v *Verifier) challenged(err error) error {
	var refused *TokenError
	if errors.As(err, &refused) && v.settings.resourceMetadata != "" {
		refused.pointTo(v.settings.resourceMetadata)
	}
	return err
}

// terms are the rules of the verifier with the changes of a call or route.
func (v *Verifier) terms(overrides []Overrides) (rules, error) {
	terms := v.settings.rules
	for _, each := range overrides {
		var err error
		if terms, err = terms.with(each); err != nil {
			return rules{}, err
		}
	}
	if !terms.namesAudience() {
		return rules{}, errNoAudience
	}
	return terms, nil
}

func (v *Verifier) verify(ctx context.Context, token string, terms rules) (*Token, error) {
	if v.ctx.Err() != nil {
		return nil, refuse(IssuerUnavailable, "this verifier is closed").because(errClosed)
	}
	checked, err := verifySignature(ctx, token, v, v.settings.algorithms)
	if err != nil {
		return nil, err
	}
	if err := checkClaims(checked, terms, v.settings.clock.wall()); err != nil {
		return nil, err
	}
	if v.follower != nil {
		if err := v.follower.requireFresh(ctx, terms.staleness); err != nil {
			return nil, err
		}
		// The token may have expired meanwhile.
		if err := checkClaims(checked, terms, v.settings.clock.wall()); err != nil {
			return nil, err
		}
	}
	if err := requireUnbound(checked.claims); err != nil {
		return nil, err
	}
	// This check comes last, so that every revocation known by now counts.
	if err := v.requireNotRevoked(checked); err != nil {
		return nil, err
	}
	return &Token{Claims: checked.claims, Header: checked.header, Raw: token}, nil
}

func (v *Verifier) requireNotRevoked(checked signed) error {
	if v.follower == nil {
		return nil
	}
	var kid *string
	if checked.key.hasKid {
		kid = &checked.key.kid
	}
	denying := v.follower.findDenying(checked.claims, kid)
	if denying == nil {
		return nil
	}
	return refuse(TokenRevoked, "the token was revoked (%s, entry %s): get a new one", denying.kind, denying.id)
}

// keyFor finds the key of a token. A revoked key leaves the key set at once: its
// tokens are revoked, and nobody has to be asked for the key.
func (v *Verifier) keyFor(ctx context.Context, a algorithm, kid *string) (publicKey, error) {
	if !v.keys.holds(kid) {
		if err := v.requireKeyNotRevoked(kid); err != nil {
			return publicKey{}, err
		}
	}
	key, err := v.keys.keyFor(ctx, a, kid)
	var refused *TokenError
	if errors.As(err, &refused) && refused.Code == UnknownKey {
		// It may have been revoked while the set was fetched.
		if denied := v.requireKeyNotRevoked(kid); denied != nil {
			return publicKey{}, denied
		}
	}
	return key, err
}

func (v *Verifier) requireKeyNotRevoked(kid *string) error {
	if v.follower == nil || kid == nil {
		return nil
	}
	if denying := v.follower.findDenying(Claims{}, kid); denying != nil {
		return refuse(TokenRevoked, "the key of the token was revoked (entry %s)", denying.id)
	}
	return nil
}

// RevocationStatus returns the state and age of revocation data; nil if
// revocations are not followed.
func (v *Verifier) RevocationStatus() *RevocationStatus {
	if v.follower == nil {
		return nil
	}
	return v.follower.status()
}

// Close ends all running requests at once. Later tokens are refused with
// IssuerUnavailable. It always returns nil, so that a Verifier is an io.Closer.
func (v *Verifier) Close() error {
	v.end(errClosed)
	if v.follower != nil {
		v.follower.close()
	}
	v.client.close()
	return nil
}
