package signetverify

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// findJWKSURI finds the address of the keys by the metadata document of the
// issuer (OIDC Discovery section 4, RFC 8414 section 3). The document has to
// name exactly the issuer that was asked for. If the document came over plain
// http, which AllowHTTP takes, it may name such an address. Every error is a
// *requestFault.
func (c *client) findJWKSURI(ctx context.Context, issuer string) (string, error) {
	address, members, err := c.findMetadata(ctx, issuer)
	if err != nil {
		return "", err
	}
	if members["issuer"] != issuer {
		return "", fault(address, "names the issuer %s, not '%s' (compare exactly)", shown(members["issuer"]), issuer)
	}
	uri, isText := members["jwks_uri"].(string)
	if !isText || uri == "" {
		return "", fault(address, "names no jwks_uri")
	}
	if err := requireSafe(uri, isPlain(address)); err != nil {
		return "", fault(address, "names a jwks_uri that %s", err)
	}
	return uri, nil
}

func (c *client) findMetadata(ctx context.Context, issuer string) (string, map[string]any, error) {
	base, err := url.Parse(issuer)
	if err != nil {
		return "", nil, fault(issuer, "is not a URL")
	}
	origin := base.Scheme + "://" + base.Host
	path := strings.TrimSuffix(base.EscapedPath(), "/")
	address := origin + path + "/.well-known/openid-configuration"
	found, err := c.get(ctx, address, "", mostKeyBytes)
	var missing *requestFault
	if errors.As(err, &missing) && missing.status == http.StatusNotFound {
		address = origin + "/.well-known/oauth-authorization-server" + path
		found, err = c.get(ctx, address, "", mostKeyBytes)
	}
	if err != nil {
		return "", nil, err
	}
	members, _ := found.value.(map[string]any)
	return address, members, nil
}
