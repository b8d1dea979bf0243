package signetverify

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// safeURL reads an address that keys or revocations may come from: https, or
// http on loopback. An attacker on the way could replace keys that come by
// plain http from another machine, so that needs allowHTTP.
func safeURL(address string, allowHTTP bool) (*url.URL, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Hostname() == "" {
		return nil, fmt.Errorf("is not a URL: %s", shownURL(address))
	}
	if parsed.User != nil {
		return nil, fmt.Errorf("holds a name or password: %s", shownURL(address))
	}
	isHTTP := parsed.Scheme == "http" && (allowHTTP || isLoopback(parsed.Hostname()))
	if parsed.Scheme != "https" && !isHTTP {
		return nil, fmt.Errorf("has to be https, or http on loopback (AllowHTTP lifts this): %s", shownURL(address))
	}
	return parsed, nil
}

// isPlain says whether an address goes over plain http to another machine.
func isPlain(address *url.URL) bool {
	return address.Scheme == "http" && !isLoopback(address.Hostname())
}

func isLoopback(host string) bool {
	name := strings.ToLower(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Zone() == "" && address.IsLoopback()
}

// shownURL leaves out parts that may be secret: a password before the host, and
// the query.
func shownURL(address string) string {
	if at := strings.LastIndex(address, "@"); at >= 0 {
		address = "..." + address[at:]
	}
	if end := strings.IndexAny(address, "?#"); end >= 0 {
		address = address[:end]
	}
	return address[:min(len(address), 200)]
}
