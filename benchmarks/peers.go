package main

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func openSlog(dir string, size int) (*session, error) {
	w := lumberjackIn(dir, size)
	l := slog.New(slog.NewJSONHandler(w, nil)).With("logger", loggerName)
	return slogSession(l, l, w.Close), nil
}

// zapEncoder writes what sluice's json format writes, durations in
// nanoseconds included.
func zapEncoder() zapcore.Encoder {
	return zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", NameKey: "logger", MessageKey: "msg",
		EncodeTime:     zapcore.RFC3339NanoTimeEncoder,
		EncodeLevel:    zapcore.CapitalLevelEncoder,
		EncodeDuration: zapcore.NanosDurationEncoder,
		LineEnding:     zapcore.DefaultLineEnding,
	})
}

func zapFields(id int) []zap.Field {
	return []zap.Field{zap.String(keyCustomer, customer), zap.Int(keyID, id), zap.Duration(keyTook, took),
		zap.Bool(keyRetried, retried), zap.Float64(keyAmount, amount)}
}

func openZap(dir string, size int) (*session, error) {
	w := lumberjackIn(dir, size)
	return zapSession(zapcore.Lock(zapcore.AddSync(w)), w.Close), nil
}

func openZapBuffered(dir string, size int) (*session, error) {
	w := lumberjackIn(dir, size)
	buffered := &zapcore.BufferedWriteSyncer{WS: zapcore.AddSync(w)}
	return zapSession(buffered, func() error { return errors.Join(buffered.Stop(), w.Close()) }), nil
}

func zapSession(w zapcore.WriteSyncer, closer func() error) *session {
	l := zap.New(zapcore.NewCore(zapEncoder(), w, zapcore.InfoLevel)).Named(loggerName)
	bound := l.With(zap.String(keyCustomer, customer), zap.Duration(keyTook, took),
		zap.Bool(keyRetried, retried), zap.Float64(keyAmount, amount))
	return &session{
		call: func(from, n int) {
			for id := from; id < from+n; id++ {
				l.Info(message,
					zap.String(keyCustomer, customer), zap.Int(keyID, id), zap.Duration(keyTook, took),
					zap.Bool(keyRetried, retried), zap.Float64(keyAmount, amount))
			}
		},
		with: func(from, n int) {
			for id := from; id < from+n; id++ {
				bound.Info(message, zap.Int(keyID, id))
			}
		},
		disabled: func(n int) {
			for id := range n {
				l.Debug(message,
					zap.String(keyCustomer, customer), zap.Int(keyID, id), zap.Duration(keyTook, took),
					zap.Bool(keyRetried, retried), zap.Float64(keyAmount, amount))
			}
		},
		close: closer,
	}
}

func openZerolog(dir string, size int) (*session, error) {
	zerolog.TimeFieldFormat = time.RFC3339Nano
	zerolog.DurationFieldUnit = time.Nanosecond
	zerolog.DurationFieldInteger = true
	zerolog.MessageFieldName = "msg"

	w := lumberjackIn(dir, size)
	l := zerolog.New(w).Level(zerolog.InfoLevel).With().Timestamp().Str("logger", loggerName).Logger()
	bound := l.With().Str(keyCustomer, customer).Dur(keyTook, took).Bool(keyRetried, retried).Float64(keyAmount, amount).Logger()
	return &session{
		call: func(from, n int) {
			for id := from; id < from+n; id++ {
				l.Info().Str(keyCustomer, customer).Int(keyID, id).Dur(keyTook, took).
					Bool(keyRetried, retried).Float64(keyAmount, amount).Msg(message)
			}
		},
		with: func(from, n int) {
			for id := from; id < from+n; id++ {
				bound.Info().Int(keyID, id).Msg(message)
			}
		},
		disabled: func(n int) {
			for id := range n {
				l.Debug().Str(keyCustomer, customer).Int(keyID, id).Dur(keyTook, took).
					Bool(keyRetried, retried).Float64(keyAmount, amount).Msg(message)
			}
		},
		close: w.Close,
	}, nil
}

func openPhuslu(dir string, size int) (*session, error) {
	w := phusluFile(dir, size)
	return phusluSession(w), nil
}

func openPhusluAsync(dir string, size int) (*session, error) {
	// It has no default for its channel: the one of its documentation's
	// example. When the channel is full the caller waits, as with the others.
	w := &phuslu.AsyncWriter{ChannelSize: 4096, Writer: phusluFile(dir, size)}
	return phusluSession(w), nil
}

func phusluFile(dir string, size int) *phuslu.FileWriter {
	return &phuslu.FileWriter{
		Filename: filepath.Join(dir, "app.jsonl"), MaxSize: int64(size) << 20,
		MaxBackups: 1000, // 0 keeps none, whatever its documentation says
		// Backups are named by time; seconds, the default, would make two
		// rotations within one overwrite each other.
		TimeFormat: "2006-01-02T15-04-05.000000000",
	}
}

// phusluSession keeps the default time format, milliseconds, because its
// documentation recommends that for speed: the lines are six bytes shorter.
func phusluSession(w interface {
	phuslu.Writer
	io.Closer
}) *session {
	l := &phuslu.Logger{Level: phuslu.InfoLevel, Writer: w, Context: phuslu.NewContext(nil).Str("logger", loggerName).Value()}
	bound := *l
	bound.Context = phuslu.NewContext(nil).Str("logger", loggerName).Str(keyCustomer, customer).Dur(keyTook, took).
		Bool(keyRetried, retried).Float64(keyAmount, amount).Value()
	return &session{
		call: func(from, n int) {
			for id := from; id < from+n; id++ {
				l.Info().Str(keyCustomer, customer).Int(keyID, id).Dur(keyTook, took).
					Bool(keyRetried, retried).Float64(keyAmount, amount).Msg(message)
			}
		},
		with: func(from, n int) {
			for id := from; id < from+n; id++ {
				bound.Info().Int(keyID, id).Msg(message)
			}
		},
		disabled: func(n int) {
			for id := range n {
				l.Debug().Str(keyCustomer, customer).Int(keyID, id).Dur(keyTook, took).
					Bool(keyRetried, retried).Float64(keyAmount, amount).Msg(message)
			}
		},
		close: w.Close,
	}
}
