// Package redact says what is secret in log records, and puts something else
// in its place: in bodies, attributes and origins, in maps and lists at any
// depth, and within texts, stack traces included.
//
// A secret is known by the key it stands under (Config.Keys, and the names
// below), by an expression (Config.Patterns), or by its form (Config.Presets):
//
//	bearer         what follows "Bearer"
//	basic_auth     what follows "Basic", if it is a user and a password in base64
//	cookies        what Cookie and Set-Cookie hold, as headers or attributes
//	jwt            JSON web tokens
//	private_keys   PEM blocks of private keys (PKCS, OpenSSH, PGP), cut off ones too
//	url_passwords  scheme://user:PASSWORD@host, user:PASSWORD@tcp(host), and what
//	               a secret name or sig gets in the query of a URL
//	api_keys       keys with a form of their own (AWS, Azure, Google, GitHub, GitLab,
//	               Slack, Stripe, OpenAI, Anthropic, SendGrid, Twilio, npm, PyPI,
//	               Telegram and more), and what is named api_key or the like
//	assignments    what a secret name is given, as an attribute or in a text:
//	               password=…, "apiKey": "…", Password:…, --token …, <password>…
//	secrets        all of those; the default
//	credit_cards   numbers of payment cards whose check digit is right
//	emails         addresses
//	ip_addresses   IPv4 and IPv6, but loopback and unspecified ones
//	all            everything
//
// A name is secret by its last words, in any notation: dbPassword,
// X-Api-Key, http.request.header.authorization, refresh_token, user[password],
// token_v2. What only tells something about a secret is none: max_tokens,
// password_changed_at, secret_name. A flag (true or false) under a secret name
// stays, a number under a plural does (tokens=512), and so do words such as
// "required" and "missing", and paths of files (key=/etc/tls/key.pem), in
// texts. What replaces a number in JSON is quoted as its key is.
//
// Time is linear in the length of a text, whatever it holds and whatever
// Config.Patterns are; a text without a hit allocates nothing (but expressions
// may; lists and maps are copied to be looked at). What was
// redacted stays as it is when it is redacted again, if the replacement begins
// and ends with brackets as the default does; only where secrets run into
// other names may more be taken the second time.
//
// # Limits
//
// Forms and names are what is known; a secret without either is not found: a
// password in a sentence ("the password is …"), a bare random string, a key
// that a program splits over several records, mysql -pPASSWORD, a value in the
// line below its name (in YAML), what is escaped as a whole (%3A%2F%2F), what
// an object under a secret name holds under harmless ones. A value without
// quotes ends at a blank. After "name: " a value must look like a secret or be
// alone on its line, since that is how errors are wrapped ("check password:
// too short"); so must what follows "Authorization: " and a scheme that is not
// in use. On the other hand, four numbers may be a
// version and not an address, and one in ten numbers that begin like a card's
// has the check digit of one. Redaction is a net below, not instead of, care
// about what is logged.
//
// How well it does is held by testdata/cases.txt, which has
// 339 texts and attributes with secrets, of which 33 are missed, and 337 without, of which 16 are wrongly redacted.
// Nearly all mistakes are there because they are known, so these are no rates.
package redact
