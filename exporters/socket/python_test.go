package socket

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/seed2f724858/sluice/exporters/sinktest"
)

// handler reads frames as the receiver in Python's logging cookbook does.
const handler = `
import json, socket, struct, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
conn, _ = server.accept()
while True:
    chunk = conn.recv(4)
    if len(chunk) < 4:
        break
    size = struct.unpack(">L", chunk)[0]
    chunk = conn.recv(size)
    while len(chunk) < size:
        chunk = chunk + conn.recv(size - len(chunk))
    print(json.dumps(json.loads(chunk)["msg"]), flush=True)
`

// The framing is that of Python's SocketHandler.
func TestPythonReads(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", handler)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var port json.Number
	dec := json.NewDecoder(stdout)
	if err := dec.Decode(&port); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	c := config("tcp://127.0.0.1:" + port.String())
	c.Framing = "length"
	e := open(t, c)
	mustWrite(t, e, sinktest.Records("seq", 0, 1000))
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	var got []string
	for msg := ""; dec.Decode(&msg) == nil; {
		got = append(got, msg)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stderr.Bytes())
	}
	if !slices.Equal(got, series("seq", 1000)) {
		t.Errorf("python read %s", strings.Join(got, " "))
	}
}
