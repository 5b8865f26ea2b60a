// Where the socket of a deployment is.
//
// Spec: connection

package core

import (
	"fmt"
	"net/url"
	"strings"
)

// SocketAddress derives the address of the socket from that of the deployment.
func SocketAddress(deployment string) (string, error) {
	// [connection.url-slash]
	address, err := url.Parse(strings.TrimRight(deployment, "/"))
	if err != nil {
		return "", err
	}
	// [connection.url]
	switch address.Scheme {
	case "http":
		address.Scheme = "ws"
	case "https":
		address.Scheme = "wss"
	default:
		return "", fmt.Errorf("a deployment address begins with http:// or https://, not %q", deployment)
	}
	if address.Host == "" || strings.HasSuffix(address.Hostname(), ".convex.site") {
		return "", fmt.Errorf("%q is not the address of a deployment", deployment)
	}
	address.Path += "/api/sync"
	return address.String(), nil
}
