package demo

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
	"unicode"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed2f724858/sluice/bridge"
	"github.com/seed2f724858/sluice/bridge/httplog"
)

// recordsPerView is how many records, all DEBUG, one view of a product logs.
// The traffic's pace counts on it.
const recordsPerView = 4

// shop is the instrumented sample service: an ordinary net/http server that
// logs through log/slog and starts OpenTelemetry spans.
type shop struct {
	http, logins, catalog, db, orders, payment *slog.Logger

	tracer trace.Tracer
	// bank is an address where nobody listens, for an error as the network
	// makes it.
	bank      string
	lastOrder atomic.Int64
	// couponTrace is the trace of the latest request with a coupon.
	couponTrace atomic.Value
}

// newShop returns the service; logger gives the slog.Logger of a name.
func newShop(logger func(name string) *slog.Logger, tracers trace.TracerProvider) (*shop, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: find a free port: %w", err)
	}
	s := &shop{
		http:    logger("shop.http"),
		logins:  logger("shop.login"),
		catalog: logger("shop.catalog"),
		db:      logger("shop.db"),
		orders:  logger("shop.orders"),
		payment: logger("shop.payment"),
		tracer:  tracers.Tracer("shop"),
		bank:    free.Addr().String(),
	}
	s.lastOrder.Store(1000)
	return s, free.Close()
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{id}", s.view)
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /orders", s.order)
	mux.HandleFunc("POST /refunds", s.refund)
	mux.HandleFunc("POST /coupons/{code}", s.coupon)
	return s.observe(httplog.Middleware(s.http, httplog.WithLevel(level))(mux))
}

// level keeps what went well from the people at the terminal: there is too
// much of it.
func level(status int) slog.Level {
	if status < 400 {
		return slog.LevelDebug
	}
	return httplog.Level(status)
}

// observe gives each request a span, and each record below it the request's
// path.
func (s *shop) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := s.tracer.Start(r.Context(), r.Method+" "+r.URL.Path,
			trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("url.path", r.URL.Path)))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(bridge.With(ctx, slog.String("url.path", r.URL.Path))))
	})
}

// view shows a product. With the middleware's record it logs recordsPerView.
func (s *shop) view(w http.ResponseWriter, r *http.Request) {
	ctx, id := r.Context(), r.PathValue("id")
	s.catalog.DebugContext(ctx, "cache lookup", slog.String("product.id", id), slog.Bool("hit", false))
	s.query(ctx, "SELECT name, price FROM products WHERE id = $1", 1)
	s.catalog.DebugContext(ctx, "price computed", slog.String("product.id", id), slog.Float64("price", 19.99), slog.String("currency", "EUR"))
	fmt.Fprintf(w, "product %s\n", id)
}

// query pretends to ask a database within a span of its own.
func (s *shop) query(ctx context.Context, statement string, rows int) {
	start := time.Now()
	ctx, span := s.tracer.Start(ctx, "query", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	s.db.DebugContext(ctx, "query", slog.String("db.query.text", statement), slog.Int("rows", rows), milliseconds(time.Since(start)))
}

func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query().Get("q")
	for _, c := range q {
		if unicode.IsControl(c) {
			s.http.WarnContext(r.Context(), "search refused: control characters", slog.String("query", q))
			http.Error(w, "bad query", http.StatusBadRequest)
			return
		}
	}
	s.query(r.Context(), "SELECT id FROM products WHERE name LIKE $1", 12)
}

// login refuses everybody, and logs what it should not: on its way to any
// destination the password is redacted.
func (s *shop) login(w http.ResponseWriter, r *http.Request) {
	user, password := r.FormValue("user"), r.FormValue("password")
	err := fmt.Errorf("bind to ldap://%s:%s@directory.internal: invalid credentials", user, password)
	s.logins.WarnContext(r.Context(), "login refused",
		slog.String("user.name", user), slog.String("password", password), slog.Any("error", err))
	http.Error(w, "wrong user or password", http.StatusUnauthorized)
}

// declinedError is what the payment provider answers.
type declinedError struct{ Code string }

func (e *declinedError) Error() string { return "card declined: " + e.Code }

// order places an order; the card decides how that goes.
func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	ctx, id := r.Context(), s.lastOrder.Add(1)
	s.query(ctx, "INSERT INTO orders (id, total) VALUES ($1, $2)", 1)
	switch r.URL.Query().Get("card") {
	case "declined":
		err := fmt.Errorf("charge order %d: %w", id, &declinedError{Code: "insufficient_funds"})
		s.payment.ErrorContext(ctx, "payment refused", slog.Int64("order.id", id), slog.Any("error", err))
		http.Error(w, "payment refused", http.StatusPaymentRequired)
		return
	case "slow":
		s.payment.WarnContext(ctx, "payment provider is slow", slog.Int64("order.id", id), slog.Int("attempt", 2), milliseconds(1840*time.Millisecond))
	}
	s.orders.InfoContext(ctx, "order placed", slog.Int64("order.id", id), slog.Int("items", 3), slog.Float64("total", 59.97), slog.String("currency", "EUR"))
	w.WriteHeader(http.StatusCreated)
}

// refund asks the bank, which is not there.
func (s *shop) refund(w http.ResponseWriter, r *http.Request) {
	ctx, span := s.tracer.Start(r.Context(), "refund", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	s.query(ctx, "SELECT total FROM orders WHERE id = $1", 1)
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", s.bank)
	if err != nil {
		s.payment.ErrorContext(ctx, "bank unreachable", slog.Int64("order.id", s.lastOrder.Load()),
			slog.Any("error", fmt.Errorf("refund: %w", err)))
		http.Error(w, "try again later", http.StatusBadGateway)
		return
	}
	_ = conn.Close()
}

// coupon has a defect on purpose: a code longer than the table panics.
func (s *shop) coupon(w http.ResponseWriter, r *http.Request) {
	s.query(r.Context(), "SELECT length FROM coupons WHERE code = $1", 1)
	s.couponTrace.Store(trace.SpanContextFromContext(r.Context()).TraceID().String())
	discounts := []int{0, 5, 10}
	fmt.Fprintf(w, "%s %%\n", strconv.Itoa(discounts[len(r.PathValue("code"))]))
}

func milliseconds(d time.Duration) slog.Attr {
	return slog.Float64("duration_ms", float64(d.Microseconds())/1000)
}

// serve runs the service on a loopback port until stop is called.
func (s *shop) serve() (url string, stop func() error, err error) {
	return serve(s.handler(), slog.NewLogLogger(s.http.Handler(), slog.LevelWarn))
}
