package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pedigree/registry"
	"pedigree/resolvers/door"
)

// metrics holds the Prometheus metrics of the server, in its own Prometheus registry.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	handler  http.Handler
}

// EventsOut is where the sender of OpenLineage events is.
type EventsOut struct {
	// Behind is how many entries of the log were not told yet; Sent and Refused count events.
	Behind, Sent, Refused int64
	// Failing is true while the receiver takes nothing.
	Failing bool
}

// eventsOutMetrics are the metrics of the sender of OpenLineage events.
func eventsOutMetrics(state func() EventsOut) []prometheus.Collector {
	failing := func() float64 {
		if state().Failing {
			return 1
		}
		return 0
	}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pedigree_openlineage_out_behind", Help: "Entries of the log that were not told as OpenLineage events yet."}, func() float64 { return float64(state().Behind) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "pedigree_openlineage_out_failing", Help: "1 while the receiver of OpenLineage events takes nothing."}, failing),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "pedigree_openlineage_out_sent_total", Help: "OpenLineage events that the receiver took."}, func() float64 { return float64(state().Sent) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "pedigree_openlineage_out_refused_total", Help: "OpenLineage events that the receiver refused, and that were left out."}, func() float64 { return float64(state().Refused) }),
	}
}

func newMetrics(policy string, out func() EventsOut) *metrics {
	r := prometheus.NewRegistry()
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pedigree_http_requests_total", Help: "Requests answered, by route and status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "pedigree_http_request_seconds", Help: "Seconds from the first byte to the last, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}, []string{"route"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "pedigree_policy_info", Help: "1, labelled with the version of the policy in force."}, []string{"version"})
	info.WithLabelValues(policy).Set(1)
	r.MustRegister(m.requests, m.seconds, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if out != nil {
		r.MustRegister(eventsOutMetrics(out)...)
	}
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

// count records a response on a route.
func (m *metrics) count(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// serveMetrics serves the metrics to callers with the action metrics.read.
func (h *handler) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if err := h.service.MayReadMetrics(r.Context()); err != nil {
		door.Refuse(w, http.StatusForbidden, registry.CodeOf(err), err.Error())
		return
	}
	h.metrics.handler.ServeHTTP(w, r)
}
