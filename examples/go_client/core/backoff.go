// How long to wait before coming back.
//
// Spec: connection

package core

import (
	"strings"
	"time"
)

const backoffCap = 16 * time.Second

// [connection.backoff-class]
var busyReasons = []string{
	"SubscriptionsWorkerFullError", "TooManyConcurrentRequests", "CommitterFullError",
	"AwsTooManyRequestsException", "ExecuteFullError", "SystemTimeoutError", "ExpiredInQueue",
	"VectorIndexTooLarge", "SearchIndexTooLarge", "TooManyWritesInTimePeriod",
}

func initialDelay(reason string) time.Duration {
	if reason == reasonInactive || reason == reasonSendFailed {
		return 100 * time.Millisecond
	}
	for _, busy := range busyReasons {
		if strings.HasPrefix(reason, busy) {
			return 3 * time.Second
		}
	}
	return time.Second
}

// BackoffDelay is the time until the next attempt after so many earlier failures.
func BackoffDelay(reason string, failures int, jitter float64) time.Duration {
	delay := initialDelay(reason)
	for range failures {
		// [connection.backoff-cap]
		if delay = delay * 2; delay >= backoffCap {
			delay = backoffCap
			break
		}
	}
	// [connection.backoff] Clients that lost the same server together must not come back together.
	return time.Duration(float64(delay) * (0.5 + jitter))
}
