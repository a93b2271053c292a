package admin

import (
	"maps"
	"net/http"
	"time"

	"github.com/seed2f724858/sluice/processors"
)

// Stats serves the pipeline's books by the names of its steps and exporters:
// [processors.Stats].
func Stats(src Source) http.Handler {
	return readOnly(func(w http.ResponseWriter) { reply(w, http.StatusOK, booksOf(src.Stats())) })
}

type books struct {
	Filtered  uint64                   `json:"filtered"`
	Feedback  uint64                   `json:"feedback"`
	Steps     map[string]stepBooks     `json:"steps"`
	Exporters map[string]exporterBooks `json:"exporters"`
}

type stepBooks struct {
	Stopped   map[string]uint64 `json:"stopped"`
	Held      uint64            `json:"held"`
	HeldBytes int64             `json:"held_bytes"`
	Released  uint64            `json:"released"`
	Refused   uint64            `json:"refused"`
	Added     uint64            `json:"added"`
	Changed   uint64            `json:"changed"`
}

type exporterBooks struct {
	Processor     string            `json:"processor"`
	Exporter      string            `json:"exporter"`
	Accepted      uint64            `json:"accepted"`
	Recovered     uint64            `json:"recovered"`
	Delivered     uint64            `json:"delivered"`
	Dropped       map[string]uint64 `json:"dropped"`
	Spooled       uint64            `json:"spooled"`
	SpooledBytes  int64             `json:"spooled_bytes"`
	SpoolCapacity int64             `json:"spool_capacity"`
	Queued        uint64            `json:"queued"`
	QueueCapacity uint64            `json:"queue_capacity"`
	QueuedBytes   int64             `json:"queued_bytes"`
	InFlight      uint64            `json:"in_flight"`
	Detoured      uint64            `json:"detoured"`
	Switches      uint64            `json:"switches"`
	Writes        uint64            `json:"writes"`
	WriteSeconds  float64           `json:"write_seconds"`
	Failures      uint64            `json:"failures"`
	LastError     string            `json:"last_error,omitempty"`
	FailingSince  time.Time         `json:"failing_since,omitzero"`
	LastDrop      time.Time         `json:"last_drop,omitzero"`
}

func booksOf(s processors.Stats) books {
	b := books{s.Filtered, s.Feedback, map[string]stepBooks{}, map[string]exporterBooks{}}
	for _, st := range s.Steps {
		b.Steps[st.Name] = stepBooks{
			Stopped:   counts(st.Stopped),
			Held:      st.Held,
			HeldBytes: st.HeldBytes,
			Released:  st.Released,
			Refused:   st.Refused,
			Added:     st.Added,
			Changed:   st.Changed,
		}
	}
	for _, e := range s.Exporters {
		b.Exporters[e.Name] = exporterBooks{
			Processor:     e.Processor,
			Exporter:      e.Exporter,
			Accepted:      e.Accepted,
			Recovered:     e.Recovered,
			Delivered:     e.Delivered,
			Dropped:       counts(e.Dropped),
			Spooled:       e.Spooled,
			SpooledBytes:  e.SpooledBytes,
			SpoolCapacity: e.SpoolCapacity,
			Queued:        e.Queued,
			QueueCapacity: e.QueueCapacity,
			QueuedBytes:   e.QueuedBytes,
			InFlight:      e.InFlight,
			Detoured:      e.Detoured,
			Switches:      e.Switches,
			Writes:        e.Writes,
			WriteSeconds:  e.WriteTime.Seconds(),
			Failures:      e.Failures,
			LastError:     e.LastError,
			FailingSince:  e.FailingSince,
			LastDrop:      e.LastDrop,
		}
	}
	return b
}

// counts returns {} for nothing, where nil would be null.
func counts(by map[string]uint64) map[string]uint64 {
	all := map[string]uint64{}
	maps.Copy(all, by)
	return all
}
