// When a token is to be replaced, by what is written in it.
//
// Spec: auth

package core

import (
	"encoding/base64"
	"strings"
	"time"
)

const (
	longestRefresh = 20 * 24 * time.Hour
	tooShortToLive = 2.0 // seconds
)

// lifetime is what the claims of a token say, in seconds.
type lifetime struct {
	issued, expires float64
	serverNow       float64
}

// readLifetime reads the claims without verifying anything; nil when there are none.
func readLifetime(token string, now time.Time, skewMs *float64) *lifetime {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	claims, err := readObject(payload)
	if err != nil {
		return nil
	}
	issued, expires := optional[float64](claims, "iat"), optional[float64](claims, "exp")
	if issued == nil || expires == nil {
		return nil
	}
	server := float64(now.UnixMilli()) / 1000
	if skewMs != nil {
		server -= *skewMs / 1000
	}
	return &lifetime{*issued, *expires, server}
}

// refreshDelay is the time from confirmation to the next fetch; never, for a token that says nothing.
func (l *lifetime) refreshDelay(forced bool, leeway time.Duration) (delay time.Duration, ever bool) {
	if l == nil || l.expires-l.issued <= tooShortToLive {
		return 0, false
	}
	// [auth.refresh-leeway] The difference of two claims does not depend on our clock.
	seconds := l.expires - l.issued
	if !forced {
		seconds = min(seconds, l.expires-l.serverNow)
	}
	// [auth.refresh-clamp] Clamped before it becomes a Duration, which would overflow.
	seconds = min(max(seconds-leeway.Seconds(), 0), longestRefresh.Seconds())
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond), true
}
