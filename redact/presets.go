package redact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// preset is a set of presets, one bit each.
type preset uint16

const (
	bearer preset = 1 << iota
	basicAuth
	cookies
	jwt
	privateKeys
	urlPasswords
	apiKeys
	assignments
	creditCards
	emails
	ipAddresses

	secrets  = bearer | basicAuth | cookies | jwt | privateKeys | urlPasswords | apiKeys | assignments
	personal = creditCards | emails | ipAddresses
)

var presets = map[string]preset{
	"secrets":       secrets,
	"bearer":        bearer,
	"basic_auth":    basicAuth,
	"cookies":       cookies,
	"jwt":           jwt,
	"private_keys":  privateKeys,
	"url_passwords": urlPasswords,
	"api_keys":      apiKeys,
	"assignments":   assignments,
	"credit_cards":  creditCards,
	"emails":        emails,
	"ip_addresses":  ipAddresses,
	"all":           secrets | personal,
}

func parsePreset(name string) (preset, error) {
	p, ok := presets[name]
	if !ok {
		return 0, fmt.Errorf("unknown preset %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(presets)), ", "))
	}
	return p, nil
}

// triggers are the bytes at which a preset's finders look around; see
// Redactor.look.
var triggers = map[preset]string{
	bearer:       "Bb",
	basicAuth:    "Bb",
	cookies:      ":=",
	jwt:          "J",
	privateKeys:  "-",
	urlPasswords: ":=@",
	apiKeys:      ":=_-.IKF",
	assignments:  ":=>-",
	creditCards:  "0123456789",
	emails:       "@",
	ipAddresses:  "0123456789:",
}
