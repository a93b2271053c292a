package main

import (
	"fmt"
	"path/filepath"

	"gopkg.in/natefinch/lumberjack.v2"
)

// contestant is one way to log.
type contestant struct {
	name string
	// open starts it. It writes below dir and rotates its file at size MiB,
	// keeping every backup.
	open func(dir string, size int) (*session, error)
	// id stands in front of the id in each line that it writes; empty when it
	// writes no file.
	id string
	// ownLayout marks lines whose layout cannot be brought in line with the
	// others', so that their length is not compared.
	ownLayout bool
}

// The contestants that others are compared with.
const (
	sluiceDirect   = "sluice"
	sluiceSDK      = "otelslog, SDK, sluice pipeline"
	sluiceTail     = "sluice bridge, otelslog, SDK, pipeline"
	baseSDK        = "otelslog, SDK batch, discard"
	baseSDKSimple  = "otelslog, SDK simple, stdoutlog file"
	slogFile       = "slog JSON, lumberjack"
	baseZap        = "zap, lumberjack"
	zapBuffered    = "zap buffered, lumberjack"
	zerologFile    = "zerolog, lumberjack"
	phusluFileName = "phuslu file"
)

const jsonID = `"` + keyID + `":`

func contestants() []contestant {
	return []contestant{
		{name: sluiceDirect, open: openSluice, id: jsonID},
		{name: sluiceDefault, open: openSluiceDefault},
		{name: sluiceSDK, open: openSluiceSDK, id: jsonID},
		{name: sluiceTail, open: openSluiceTail, id: jsonID},
		{name: baseSDK, open: openSDKDiscard},
		{name: "otelslog, SDK batch, stdoutlog file", open: openSDKBatchFile, id: stdoutlogID, ownLayout: true},
		{name: baseSDKSimple, open: openSDKSimpleFile, id: stdoutlogID, ownLayout: true},
		{name: slogFile, open: openSlog, id: jsonID},
		{name: baseZap, open: openZap, id: jsonID},
		{name: zapBuffered, open: openZapBuffered, id: jsonID},
		{name: zerologFile, open: openZerolog, id: jsonID},
		{name: phusluFileName, open: openPhuslu, id: jsonID},
		{name: "phuslu async file", open: openPhusluAsync, id: jsonID},
	}
}

func contestantNamed(name string) (contestant, error) {
	for _, c := range contestants() {
		if c.name == name {
			return c, nil
		}
	}
	return contestant{}, fmt.Errorf("no contestant is called %q", name)
}

func lumberjackIn(dir string, size int) *lumberjack.Logger {
	return &lumberjack.Logger{Filename: filepath.Join(dir, "app.jsonl"), MaxSize: size}
}
