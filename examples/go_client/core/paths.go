// Function paths: their grammar and their canonical form.
//
// Spec: messages, queries

package core

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	componentPattern = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)
	functionPattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	letterOrDigit    = regexp.MustCompile(`[A-Za-z0-9]`)
)

// CanonicalPath checks a path and gives the form in which queries are compared and sent.
func CanonicalPath(path string) (string, error) {
	module, function := path, "default"
	if colon := strings.LastIndexByte(path, ':'); colon >= 0 {
		module, function = path[:colon], path[colon+1:]
	}
	if !functionPattern.MatchString(function) || strings.Trim(function, "_") == "" {
		return "", fmt.Errorf("%q names no function: %q is no identifier", path, function)
	}
	components := strings.Split(module, "/")
	for _, component := range components {
		if !componentPattern.MatchString(component) || !letterOrDigit.MatchString(component) {
			return "", fmt.Errorf("%q names no function: bad component %q", path, component)
		}
	}
	last := components[len(components)-1]
	if dot := strings.LastIndexByte(last, '.'); dot >= 0 && last[dot:] != ".js" {
		return "", fmt.Errorf("%q names no function: the only extension is .js", path)
	}
	// [queries.canonical-path]
	return strings.TrimSuffix(module, ".js") + ":" + function, nil
}
