package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/seed2f724858/sluice/encode"
)

// queueYAML is a Collector that keeps what it gets on disk for a server that
// is not there.
const queueYAML = `
receivers: {%s}
exporters:
  otlp_http:
    endpoint: http://127.0.0.1:%d
    sending_queue: {storage: file_storage, queue_size: 10000000}
    retry_on_failure: {max_elapsed_time: 0}
extensions:
  file_storage: {directory: %q, create_directory: true}
service:
  telemetry: {metrics: {level: none}}
  extensions: [file_storage]
  pipelines: {logs: {receivers: [%s], exporters: [otlp_http]}}
`

// fillQueue does the job in a process of its own.
func fillQueue(j job) (r result, err error) {
	var name, receiver string
	switch j.Contestant {
	case collectorQueue:
		name = "flood"
		receiver = fmt.Sprintf("flood: {goroutines: %d, batch: %d, duration: %s}", j.Goroutines, queueBatch, j.Duration)
	case collectorQueueHTTP:
		port, err := freePort()
		if err != nil {
			return result{}, err
		}
		name = "otlp"
		receiver = fmt.Sprintf("otlp: {protocols: {http: {endpoint: 127.0.0.1:%d}}}", port)
		j.HTTP = fmt.Sprintf("http://127.0.0.1:%d", port)
	default:
		return measure(j)
	}
	nobody, err := freePort()
	if err != nil {
		return result{}, err
	}
	c, err := startCollector(j.Command, j.Dir, fmt.Sprintf(queueYAML, receiver, nobody, filepath.Join(j.Dir, "storage"), name))
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if j.Contestant == collectorQueueHTTP {
		return measure(j)
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return result{}, err
	}
	// Text after the two figures is an error.
	if n, err := fmt.Sscanf(line, "%d %f\n", &r.Sent, &r.Seconds); err != nil {
		return result{}, fmt.Errorf("the Collector after %d figures: %s", n, line)
	}
	r.Delivered = 1 // it has said so
	return r, nil
}

// runPosts sends a batch that was encoded before, so that the sender takes next
// to nothing of the machine from the Collector.
func runPosts(j job) (result, error) {
	body := encode.OTLPProto().AppendBatch(nil, numbered(queueBatch))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: j.Goroutines}}
	defer client.CloseIdleConnections()
	r, err := fill(j, func() error {
		res, err := client.Post(j.HTTP+"/v1/logs", "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, res.Body)
		if res.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %s", res.Status)
		}
		return errors.Join(err, res.Body.Close())
	})
	r.Delivered = 1 // each post was answered with OK
	return r, err
}
