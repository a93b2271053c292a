package otlpgrpc_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// answering returns a server that answers every request with one error.
func answering(t *testing.T, code codes.Code, message string, details ...protoadapt.MessageV1) *server {
	t.Helper()
	st, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
		return nil, st.Err()
	}})
}

// https://opentelemetry.io/docs/specs/otlp/#failures
func TestStatusCodes(t *testing.T) {
	for code, want := range map[codes.Code]exporters.Kind{
		codes.Canceled:           exporters.Retryable,
		codes.Unknown:            exporters.KindPermanent,
		codes.InvalidArgument:    exporters.KindPermanent,
		codes.DeadlineExceeded:   exporters.Retryable,
		codes.NotFound:           exporters.KindPermanent,
		codes.AlreadyExists:      exporters.KindPermanent,
		codes.PermissionDenied:   exporters.KindPermanent,
		codes.ResourceExhausted:  exporters.KindPermanent,
		codes.FailedPrecondition: exporters.KindPermanent,
		codes.Aborted:            exporters.Retryable,
		codes.OutOfRange:         exporters.Retryable,
		codes.Unimplemented:      exporters.KindPermanent,
		codes.Internal:           exporters.KindPermanent,
		codes.Unavailable:        exporters.Retryable,
		codes.DataLoss:           exporters.Retryable,
		codes.Unauthenticated:    exporters.KindPermanent,
	} {
		t.Run(code.String(), func(t *testing.T) {
			s := answering(t, code, "no\x1b[31m,\r\nthanks "+strings.Repeat("x", 10000))
			n, err := newExporter(t, config(s.addr)).Write(t.Context(), sinktest.Records("status", 0, 3))
			if n != 0 || err == nil {
				t.Fatalf("Write = %d, %v; want 0 and an error", n, err)
			}
			if kind, rejected := exporters.Classify(err); kind != want || rejected != 0 {
				t.Errorf("kind %d, %d rejected, want kind %d: %v", kind, rejected, want, err)
			}
			misconfigured := code == codes.Unauthenticated || code == codes.PermissionDenied || code == codes.Unimplemented
			if exporters.IsMisconfigured(err) != misconfigured {
				t.Errorf("misconfigured: %v; want %v", !misconfigured, misconfigured)
			}
			text := err.Error()
			if !strings.Contains(text, code.String()) || !strings.Contains(text, "thanks") || !strings.Contains(text, s.addr) {
				t.Errorf("error %q does not say who said what", text)
			}
			if strings.ContainsAny(text, "\x1b\r\n") || len(text) > 1000 {
				t.Errorf("error shows raw or endless text: %q", text)
			}
			if calls, _ := s.requests(); calls != 1 {
				t.Errorf("%d calls, want 1: trying again is not the exporter's work", calls)
			}
		})
	}
}

func TestRetryInfo(t *testing.T) {
	after := func(d time.Duration) protoadapt.MessageV1 {
		return &errdetails.RetryInfo{RetryDelay: durationpb.New(d)}
	}
	for name, c := range map[string]struct {
		code    codes.Code
		details []protoadapt.MessageV1
		kind    exporters.Kind
		want    time.Duration
	}{
		"throttled":          {codes.Unavailable, []protoadapt.MessageV1{after(7 * time.Second)}, exporters.Retryable, 7 * time.Second},
		"exhausted":          {codes.ResourceExhausted, []protoadapt.MessageV1{after(1500 * time.Millisecond)}, exporters.Retryable, 1500 * time.Millisecond},
		"exhausted, no time": {codes.ResourceExhausted, []protoadapt.MessageV1{&errdetails.RetryInfo{}}, exporters.Retryable, 0},
		"another detail":     {codes.ResourceExhausted, []protoadapt.MessageV1{wrapperspb.String("x")}, exporters.KindPermanent, 0},
		"behind another":     {codes.Unavailable, []protoadapt.MessageV1{wrapperspb.String("x"), after(time.Second)}, exporters.Retryable, time.Second},
		"a year":             {codes.Unavailable, []protoadapt.MessageV1{after(365 * 24 * time.Hour)}, exporters.Retryable, 2 * time.Minute},
		"overflow":           {codes.Unavailable, []protoadapt.MessageV1{&errdetails.RetryInfo{RetryDelay: &durationpb.Duration{Seconds: 1 << 62}}}, exporters.Retryable, 2 * time.Minute},
		"negative":           {codes.Unavailable, []protoadapt.MessageV1{after(-time.Hour)}, exporters.Retryable, 0},
		"not retryable":      {codes.InvalidArgument, []protoadapt.MessageV1{after(time.Second)}, exporters.KindPermanent, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := answering(t, c.code, "later", c.details...)
			_, err := newExporter(t, config(s.addr)).Write(t.Context(), sinktest.Records("retry", 0, 1))
			if kind, _ := exporters.Classify(err); kind != c.kind {
				t.Errorf("kind %d, want %d: %v", kind, c.kind, err)
			}
			ra, ok := errors.AsType[exporters.RetryAfterer](err)
			if !ok || ra.RetryAfter() != c.want {
				t.Errorf("RetryAfter of %v, want %s", err, c.want)
			}
		})
	}
}

func TestPartialSuccess(t *testing.T) {
	for name, c := range map[string]struct {
		answer   proto.Message
		rejected int
		words    string
	}{
		"nothing rejected": {raw(nil), 0, ""},
		"advice only":      {partial(t, 0, "please compress"), 0, ""},
		"some":             {partial(t, 2, "too old\x1b[2J"), 2, "too old"},
		"without a reason": {partial(t, 1, ""), 1, "no reason given"},
		"more than sent":   {partial(t, 99, "all"), 5, "all"},
		"negative":         {partial(t, -1, "odd"), 0, ""},
		// The status was OK: the server has the records.
		"not a response": {raw([]byte{0x0a, 0xff}), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
				return c.answer, nil
			}})
			n, err := newExporter(t, config(s.addr)).Write(t.Context(), sinktest.Records("partial", 0, 5))
			if n != 5 {
				t.Errorf("Write = %d, %v; want 5 delivered", n, err)
			}
			if c.rejected == 0 {
				if err != nil {
					t.Errorf("Write: %v", err)
				}
				return
			}
			if kind, rejected := exporters.Classify(err); kind != exporters.KindRejected || rejected != c.rejected {
				t.Errorf("kind %d, %d rejected, want %d: %v", kind, rejected, c.rejected, err)
			}
			if !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("error: %q", err)
			}
		})
	}
}

// What several requests of one Write had rejected is summed up, also beside
// another error.
func TestPartialSuccessOfSeveralRequests(t *testing.T) {
	var calls atomic.Int32
	s := serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
		if calls.Add(1) == 3 {
			return nil, status.Error(codes.InvalidArgument, "enough")
		}
		return partial(t, 1, "no"), nil
	}})
	c := config(s.addr)
	c.MaxRequestSize = exporters.KiB
	recs := sinktest.Records("partial", 0, 5)
	for i := range recs { // each alone
		recs[i].Body = attribute.StringValue(strings.Repeat("x", 1000))
	}
	n, err := newExporter(t, c).Write(t.Context(), recs)
	if kind, rejected := exporters.Classify(err); n != 2 || kind != exporters.KindPermanent || rejected != 2 {
		t.Errorf("Write = %d, %v (kind %d, %d rejected); want 2 delivered, 2 of them rejected, and a permanent error", n, err, kind, rejected)
	}
}

// An answer without end is not read, and says nothing about the request's size.
func TestAnswerTooLarge(t *testing.T) {
	s := serve(t, &server{respond: func(context.Context, *logspb.LogsData) (proto.Message, error) {
		return partial(t, 0, strings.Repeat("x", 1<<20)), nil
	}})
	for _, compression := range []string{"none", "gzip"} {
		c := config(s.addr)
		c.Compression = compression
		before, _ := s.requests()
		_, err := newExporter(t, c).Write(t.Context(), sinktest.Records("big", 0, 4))
		if kind, _ := exporters.Classify(err); err == nil || kind != exporters.KindPermanent {
			t.Errorf("%s: Write: %v, want a permanent error", compression, err)
		}
		if calls, _ := s.requests(); calls != before+1 {
			t.Errorf("%s: %d calls, want 1", compression, calls-before)
		}
	}
}

// Servers quote the credentials that they refuse.
func TestSecretsAreNotInErrors(t *testing.T) {
	const token = "tok-5f3759df"
	s := answering(t, codes.Unauthenticated, `invalid token "`+token+`" in "Bearer `+token+`"`)
	c := config(s.addr)
	c.Headers = map[string]exporters.Secret{"authorization": "Bearer " + token}
	_, err := newExporter(t, c).Write(t.Context(), sinktest.Records("secret", 0, 1))
	if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "invalid token") {
		t.Errorf("error: %v", err)
	}
}

// A server that is none of OTLP, or none of gRPC.
func TestWrongService(t *testing.T) {
	s := grpc.NewServer()
	l := listen(t, "127.0.0.1:0")
	go func() { _ = s.Serve(l) }()
	defer s.Stop()
	_, err := newExporter(t, config(l.Addr().String())).Write(t.Context(), sinktest.Records("wrong", 0, 1))
	if kind, _ := exporters.Classify(err); err == nil || kind != exporters.KindPermanent || !strings.Contains(err.Error(), "Unimplemented") {
		t.Errorf("Write: %v, want Unimplemented, permanent", err)
	}
}
