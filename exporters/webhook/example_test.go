package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"

	"github.com/seed2f724858/sluice/exporters"
	"github.com/seed2f724858/sluice/exporters/webhook"
	"github.com/seed2f724858/sluice/record"
)

// show sends records to a server that prints what it gets.
func show(c webhook.Config, recs ...record.Record) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, body, "", "  "); err != nil {
			fmt.Println(err)
		}
		fmt.Println(pretty.String())
	}))
	defer s.Close()
	c.URL = exporters.Secret(s.URL)
	e, err := webhook.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer e.Shutdown(context.Background())
	if _, err := e.Write(context.Background(), recs); err != nil {
		fmt.Println(err)
	}
}

func refused() record.Record {
	return record.Record{
		Timestamp: time.Date(2026, 11, 21, 10, 15, 30, 0, time.UTC),
		Severity:  log.SeverityError,
		Body:      attribute.StringValue("payment refused by <!channel> & co"),
		Attributes: []attribute.KeyValue{
			attribute.Int("order.id", 7),
			attribute.String("exception.stacktrace", "shop.Pay()\n\tpay.go:42"),
		},
		Origin: &record.Origin{
			Resource: &record.Resource{Attributes: []attribute.KeyValue{attribute.String("service.name", "shop")}},
			Scope:    record.Scope{Name: "shop.cart"},
		},
	}
}

// Slack's incoming webhooks (https://api.slack.com/messaging/webhooks).
// html keeps a record from addressing a channel.
func Example_slack() {
	c := webhook.DefaultConfig()
	c.Escape, c.MaxText = "html", 2900
	c.Template = `{
		"text": "{level} {service}: {message}",
		"attachments": [{
			"color": {"$severity": {"trace": "good", "warn": "warning", "error": "danger"}},
			"blocks": [
				{"type": "section", "text": {"type": "mrkdwn", "text": "*{level}* {logger} {attributes}\n{message}"}},
				{"type": "section", "text": {"type": "mrkdwn", "text": "` + "```\\n{exception:stack}\\n```" + `"}}
			]
		}]
	}`
	show(c, refused())
	// Output:
	// {
	//   "text": "ERROR shop: payment refused by &lt;!channel&gt; &amp; co",
	//   "attachments": [
	//     {
	//       "color": "danger",
	//       "blocks": [
	//         {
	//           "type": "section",
	//           "text": {
	//             "type": "mrkdwn",
	//             "text": "*ERROR* shop.cart order.id=7\npayment refused by &lt;!channel&gt; &amp; co"
	//           }
	//         },
	//         {
	//           "type": "section",
	//           "text": {
	//             "type": "mrkdwn",
	//             "text": "```\nshop.Pay()\n\tpay.go:42\n```"
	//           }
	//         }
	//       ]
	//     }
	//   ]
	// }
}

// A workflow of Microsoft Teams that posts adaptive cards, one for the records
// of a request
// (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using).
func Example_teams() {
	c := webhook.DefaultConfig()
	c.MaxRecords = 20
	c.Template = `{
		"type": "message",
		"attachments": [{
			"contentType": "application/vnd.microsoft.card.adaptive",
			"content": {
				"$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
				"type": "AdaptiveCard",
				"version": "1.4",
				"body": {"$records": {
					"type": "TextBlock",
					"wrap": true,
					"color": {"$severity": {"trace": "default", "warn": "warning", "error": "attention"}},
					"text": "{time:15:04:05} {level} {logger}: {message}"
				}}
			}
		}]
	}`
	second := refused()
	second.Severity, second.Body = log.SeverityWarn, attribute.StringValue("retrying")
	show(c, refused(), second)
	// Output:
	// {
	//   "type": "message",
	//   "attachments": [
	//     {
	//       "contentType": "application/vnd.microsoft.card.adaptive",
	//       "content": {
	//         "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
	//         "type": "AdaptiveCard",
	//         "version": "1.4",
	//         "body": [
	//           {
	//             "type": "TextBlock",
	//             "wrap": true,
	//             "color": "attention",
	//             "text": "10:15:30 ERROR shop.cart: payment refused by <!channel> & co"
	//           },
	//           {
	//             "type": "TextBlock",
	//             "wrap": true,
	//             "color": "warning",
	//             "text": "10:15:30 WARN shop.cart: retrying"
	//           }
	//         ]
	//       }
	//     }
	//   ]
	// }
}

// PagerDuty's Events API (https://developer.pagerduty.com/docs/events-api-v2/trigger-events/),
// url https://events.pagerduty.com/v2/enqueue. Records with the same dedup_key
// are one incident.
func Example_pagerDuty() {
	c := webhook.DefaultConfig()
	c.Template = `{
		"routing_key": "0123456789abcdef0123456789abcdef",
		"event_action": "trigger",
		"dedup_key": "{service} {logger}",
		"payload": {
			"summary": "{message}",
			"source": "{service}",
			"component": "{logger}",
			"timestamp": "{time}",
			"severity": {"$severity": {"trace": "info", "warn": "warning", "error": "error", "fatal": "critical"}},
			"custom_details": "{record}"
		}
	}`
	show(c, refused())
	// Output:
	// {
	//   "routing_key": "0123456789abcdef0123456789abcdef",
	//   "event_action": "trigger",
	//   "dedup_key": "shop shop.cart",
	//   "payload": {
	//     "summary": "payment refused by <!channel> & co",
	//     "source": "shop",
	//     "component": "shop.cart",
	//     "timestamp": "2026-11-21T10:15:30.000Z",
	//     "severity": "error",
	//     "custom_details": {
	//       "time": "2026-11-21T10:15:30.000000000Z",
	//       "level": "ERROR",
	//       "logger": "shop.cart",
	//       "msg": "payment refused by <!channel> & co",
	//       "order.id": 7,
	//       "exception.stacktrace": "shop.Pay()\n\tpay.go:42"
	//     }
	//   }
	// }
}
