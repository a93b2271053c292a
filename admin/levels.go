package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/processors"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 64 << 10

// Levels serves the levels of loggers, and changes them while the program runs.
// Names are as in [processors.LevelRules], globs included; "" stands for all
// loggers, and PUT without a name means them.
//
//	GET                 the overrides, and the rules below them
//	GET ?logger=NAME    one logger's effective level, and where it comes from
//	PUT                 overrides a level: {"logger": "shop.db", "level": "debug", "for": "10m"}
//	DELETE ?logger=NAME takes an override back
//
// What PUT and DELETE want may stand in the query, or in a body of JSON or a form:
// level=debug. Without "for" the override stays until it is taken back, or the
// program ends. DELETE wants the name, because a body may be lost on its way:
// logger= takes back the override of all loggers, and leaves the others.
func Levels(l *processors.Levels) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			refuse(w, http.StatusBadRequest, fmt.Errorf("query: %w", err))
			return
		}
		body := http.MaxBytesReader(w, r.Body, maxBody)
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			getLevels(w, l, query)
		case http.MethodPut:
			putLevel(w, l, query, body)
		case http.MethodDelete:
			deleteLevel(w, l, query, body)
		default:
			notAllowed(w, r, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete)
		}
	})
}

// level is one logger's level, or that of all loggers below a name or glob.
type level struct {
	Logger string `json:"logger"`
	// Level is null where only the exporters could tell, and no logger of that
	// name is in use.
	Level *string    `json:"level"`
	From  string     `json:"from,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

func getLevels(w http.ResponseWriter, l *processors.Levels, query url.Values) {
	var c change
	if err := c.take(query, "logger"); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if c.logger != nil {
		one := level{Logger: *c.logger}
		minimum, from, ok := l.Effective(*c.logger)
		if one.From = from; ok {
			one.Level = new(processors.LevelName(minimum))
		}
		reply(w, http.StatusOK, one)
		return
	}
	overrides := []level{}
	for _, o := range l.Overrides() {
		overrides = append(overrides, row(o))
	}
	reply(w, http.StatusOK, struct {
		Overrides     []level `json:"overrides"`
		Environment   []level `json:"environment"`
		Configuration []level `json:"configuration"`
	}{overrides, rows(l.Environment()), rows(l.Configuration())})
}

func row(o processors.Override) level {
	r := level{Logger: o.Logger, Level: new(processors.LevelName(o.Minimum))}
	if !o.Until.IsZero() {
		r.Until = new(o.Until.UTC().Truncate(time.Second))
	}
	return r
}

func rows(rules processors.LevelRules) []level {
	all := []level{}
	for logger, minimum := range rules {
		all = append(all, row(processors.Override{Logger: logger, Minimum: minimum}))
	}
	slices.SortFunc(all, func(a, b level) int { return cmp.Compare(a.Logger, b.Logger) })
	return all
}

func putLevel(w http.ResponseWriter, l *processors.Levels, query url.Values, body io.Reader) {
	var c change
	if !c.read(w, query, body, "logger", "level", "for") {
		return
	}
	o, err := c.apply(l)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	reply(w, http.StatusOK, row(o))
}

func deleteLevel(w http.ResponseWriter, l *processors.Levels, query url.Values, body io.Reader) {
	var c change
	if !c.read(w, query, body, "logger") {
		return
	}
	if c.logger == nil {
		refuse(w, http.StatusBadRequest, errors.New("no logger is named: want logger=NAME, or logger= to take back the override of all loggers"))
		return
	}
	if !l.Unset(c.name()) {
		refuse(w, http.StatusNotFound, fmt.Errorf("no override is called %q: GET lists them", c.name()))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// change is what a request says; what it does not say is nil.
type change struct{ logger, level, lifetime *string }

func (c *change) name() string {
	if c.logger == nil {
		return ""
	}
	return *c.logger
}

// read takes what the query and the body say, or answers what is wrong with it
// and returns false.
func (c *change) read(w http.ResponseWriter, query url.Values, body io.Reader, keys ...string) bool {
	err := c.parse(query, body, keys)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit))
	} else if err != nil {
		refuse(w, http.StatusBadRequest, err)
	}
	return err == nil
}

// parse takes what the query and the body say, each thing once.
func (c *change) parse(query url.Values, body io.Reader, keys []string) error {
	if err := c.take(query, keys...); err != nil {
		return err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	// Not by Content-Type: curl calls everything a form.
	data = bytes.TrimSpace(data)
	values := url.Values{}
	if bytes.HasPrefix(data, []byte("{")) {
		var said map[string]string
		if err := json.Unmarshal(data, &said); err != nil {
			return fmt.Errorf(`body: %w: want {"logger": "shop.db", "level": "debug", "for": "10m"}`, err)
		}
		for k, v := range said {
			values.Set(k, v)
		}
	} else if values, err = url.ParseQuery(string(data)); err != nil {
		return fmt.Errorf("body: %w: want JSON, or a form such as logger=shop.db&level=debug&for=10m", err)
	}
	return c.take(values, keys...)
}

// take takes values under the given keys.
func (c *change) take(values url.Values, keys ...string) error {
	for key, all := range values {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("unknown key %q: want one of %q", key, keys)
		}
		into := map[string]**string{"logger": &c.logger, "level": &c.level, "for": &c.lifetime}[key]
		if *into != nil || len(all) != 1 {
			return fmt.Errorf("%s is given twice", key)
		}
		*into = &all[0]
	}
	return nil
}

// apply overrides the level.
func (c *change) apply(l *processors.Levels) (o processors.Override, err error) {
	o.Logger = c.name()
	if c.level == nil {
		c.level = new(string) // whose error lists the levels
	}
	if o.Minimum, err = processors.ParseLevel(*c.level); err != nil {
		return o, fmt.Errorf("level: %w", err)
	}
	var lifetime exporters.Duration
	if c.lifetime != nil {
		if lifetime, err = exporters.ParseDuration(*c.lifetime); err != nil {
			return o, fmt.Errorf("for: %w", err)
		}
		if lifetime <= 0 {
			return o, fmt.Errorf("for: want more than 0s, have %s; without it the override stays", lifetime)
		}
		if lifetime == exporters.Unlimited {
			lifetime = 0
		}
	}
	if lifetime > 0 {
		o.Until = time.Now().Add(lifetime.Std())
	}
	return o, l.Set(o.Logger, o.Minimum, lifetime.Std())
}
