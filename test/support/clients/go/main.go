// A client that signs people in with go-oidc and x/oauth2, by discovery. See test/support/foreign-client.ts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const state, nonce = "state-1", "nonce-1"

func main() {
	if err := signIn(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func signIn(ctx context.Context) error {
	provider, err := oidc.NewProvider(ctx, os.Getenv("ISSUER"))
	if err != nil {
		return err
	}
	clientID := os.Getenv("CLIENT_ID")
	// The endpoint of the provider names no way to authenticate: Basic is tried first, and then the form.
	config := oauth2.Config{
		ClientID:     clientID,
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		Endpoint:     provider.Endpoint(),
		RedirectURL:  os.Getenv("CALLBACK"),
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email", "groups", oidc.ScopeOfflineAccess},
	}
	verifier := oauth2.GenerateVerifier()
	write(map[string]any{"url": config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))})

	code, err := readAnswer()
	if err != nil {
		return err
	}
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return err
	}
	first, claims, err := verify(ctx, provider, clientID, token)
	if err != nil {
		return err
	}
	if first.Nonce != nonce {
		return errors.New("another nonce")
	}
	userinfo, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return err
	}
	refreshed, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		return err
	}
	_, later, err := verify(ctx, provider, clientID, refreshed)
	if err != nil {
		return err
	}
	write(map[string]any{
		"claims":    claims,
		"userinfo":  map[string]any{"sub": userinfo.Subject, "email": userinfo.Email, "email_verified": userinfo.EmailVerified},
		"refreshed": later,
		"id_token":  refreshed.Extra("id_token"),
	})
	return nil
}

func readAnswer() (string, error) {
	line, _, err := bufio.NewReader(os.Stdin).ReadLine()
	if err != nil {
		return "", err
	}
	answer, err := url.Parse(string(line))
	if err != nil {
		return "", err
	}
	if query := answer.Query(); query.Get("state") == state {
		return query.Get("code"), nil
	}
	return "", fmt.Errorf("another state: %s", answer)
}

// verify checks signature, issuer, audience, times and at_hash.
func verify(ctx context.Context, provider *oidc.Provider, clientID string, token *oauth2.Token) (*oidc.IDToken, map[string]any, error) {
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: clientID}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, err
	}
	if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
		return nil, nil, err
	}
	claims := map[string]any{}
	return idToken, claims, idToken.Claims(&claims)
}

func write(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		log.Fatal(err)
	}
}
