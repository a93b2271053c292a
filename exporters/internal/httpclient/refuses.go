package httpclient

import "net/http"

// RefusesAny reports whether an answer refuses a request whatever its body
// holds: for its credentials, its address or its method. That the body is too
// large, or bad, is something else.
func RefusesAny(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusProxyAuthRequired:
		return true
	}
	return false
}
