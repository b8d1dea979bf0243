package signetverify

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// requireSafe refuses an address that keys or revocations may not come from. It
// is https, or http on loopback. An attacker on the way could replace keys that
// come by plain http from another machine, so that needs allowHTTP.
func requireSafe(address string, allowHTTP bool) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() == "" || !hasPort(parsed) || !isPrintable(address) {
		return fmt.Errorf("is not a URL: %s", shownURL(address))
	}
	if parsed.User != nil {
		return fmt.Errorf("holds a name or password: %s", shownURL(address))
	}
	isHTTP := parsed.Scheme == "http" && (allowHTTP || isLoopback(parsed.Hostname()))
	if parsed.Scheme != "https" && !isHTTP {
		return fmt.Errorf("has to be https, or http on loopback: %s", shownURL(address))
	}
	return nil
}

// isPrintable says whether an address is printable ASCII without a backslash or
// a quote. Parsers disagree about what anything else leads to.
func isPrintable(address string) bool {
	return !strings.ContainsFunc(address, func(each rune) bool {
		return each <= ' ' || each >= 0x7F || each == '\\' || each == '"'
	})
}

// hasPort says whether the port can exist, if one is named.
func hasPort(address *url.URL) bool {
	_, err := strconv.ParseUint(address.Port(), 10, 16)
	return address.Port() == "" || err == nil
}

// isPlain says whether an address goes over plain http to another machine.
func isPlain(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "http" && !isLoopback(parsed.Hostname())
}

// isLoopback takes the usual spelling of an address alone: parsers disagree about
// others.
func isLoopback(host string) bool {
	name := strings.ToLower(host)
	if name == "localhost" || name == "::1" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Is4() && address.IsLoopback()
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
