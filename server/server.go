// Package server joins the doors into one http.Handler: who asks is settled
// first, then the door decodes, calls the service and encodes.
package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"pedigree/registry"
	"pedigree/resolvers/door"
	"pedigree/rest/v1"
	"pedigree/service"
	"pedigree/web"
)

// Config is how a server behaves.
type Config struct {
	// Origins may call the API from a browser; none by default.
	Origins []string
	Log     *slog.Logger
	// FactsBytes is the most bytes of one request of facts; 0 is 64 MiB.
	FactsBytes int64
}

// Route is a path that the server answers, with {name} where a segment is taken as
// it is. Public ones need no identity.
type Route struct {
	Path   string
	Public bool
}

// Routes lists every path that is answered, so that none is without a decision.
func Routes() []Route {
	out := []Route{{"/graphql", false}, {"/metrics", false}, {"/healthz", true}, {"/readyz", true}}
	for _, r := range v1.Routes() {
		if p := (Route{r.Path, false}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, p := range web.Routes() {
		out = append(out, Route{p, true})
	}
	return out
}

// New builds the handler of all doors over a service.
func New(s *service.Service, c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{service: s, log: c.Log, graphql: door.New(s, c.Log, service.RequestID), rest: v1.New(s, c.Log, requestIDOf, v1.FactsBytes(c.FactsBytes)), pages: web.Handler(),
		metrics: newMetrics(s.PolicyVersion()), routes: Routes()}
	var out http.Handler = http.HandlerFunc(h.route)
	if len(c.Origins) > 0 {
		out = cors.New(cors.Options{AllowedOrigins: c.Origins, AllowedMethods: []string{http.MethodGet, http.MethodPost},
			AllowedHeaders: []string{"Authorization", "Content-Type", "If-None-Match"},
			ExposedHeaders: []string{"Content-Disposition", "ETag", "Pedigree-As-Of", "Pedigree-Truncated", "X-Request-Id"}, MaxAge: 600}).Handler(out)
	}
	return h.observe(out)
}

type handler struct {
	service *service.Service
	log     *slog.Logger
	graphql http.Handler
	rest    *v1.Handler
	pages   http.Handler
	metrics *metrics
	routes  []Route
}

// route matches paths exactly: what is not listed is not there. Below /api/v1/ the
// door does so, for those who are known: a stranger learns of no path.
func (h *handler) route(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, v1.Prefix) {
		h.authenticated(h.rest).ServeHTTP(w, r)
		return
	}
	switch r.URL.Path {
	case "/graphql":
		h.authenticated(h.graphql).ServeHTTP(w, r)
	case "/metrics":
		h.authenticated(http.HandlerFunc(h.serveMetrics)).ServeHTTP(w, r)
	case "/healthz":
		h.health(w, r, nil)
	case "/readyz":
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		h.health(w, r, h.service.Ready(ctx))
	default:
		h.pages.ServeHTTP(w, r)
	}
}

func (h *handler) health(w http.ResponseWriter, r *http.Request, err error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	status := "ok"
	if err != nil {
		status = "unavailable"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(map[string]string{"status": status})
}

// refuse answers in the dialect of the door that the path belongs to.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, code registry.Code, message string) {
	if strings.HasPrefix(r.URL.Path, v1.Prefix) {
		h.rest.Refuse(w, r, status, code, message)
		return
	}
	door.Refuse(w, status, code, message)
}

// authenticated settles who asks before the door reads a byte of the body.
func (h *handler) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := bearer(r)
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer realm="pedigree"`)
			h.refuse(w, r, http.StatusUnauthorized, registry.Unauthenticated, "this needs a token: send the header Authorization: Bearer TOKEN")
			return
		}
		actor, err := h.service.Authenticate(r.Context(), token)
		switch registry.CodeOf(err) {
		case "":
		case registry.Unauthenticated:
			w.Header().Set("WWW-Authenticate", `Bearer realm="pedigree", error="invalid_token"`)
			h.refuse(w, r, http.StatusUnauthorized, registry.Unauthenticated, err.Error())
			return
		default:
			id := requestIDOf(r.Context())
			h.log.Error("identity could not be read", "request", id, "cause", registry.Cause(err))
			h.refuse(w, r, http.StatusServiceUnavailable, registry.Unavailable, "the store does not answer; try again soon (request "+id+")")
			return
		}
		next.ServeHTTP(w, r.WithContext(service.As(r.Context(), actor, requestIDOf(r.Context()))))
	})
}

// maxAuthorization is the longest header that is looked at.
const maxAuthorization = 1024

// bearer takes a token from Authorization: Bearer TOKEN, or Basic with the token
// as the password. Other headers name nobody.
func bearer(r *http.Request) (string, bool) {
	v := r.Header.Get("Authorization")
	if len(v) > maxAuthorization || len(r.Header.Values("Authorization")) > 1 {
		return "", false
	}
	scheme, rest, _ := strings.Cut(v, " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return strings.TrimSpace(rest), rest != ""
	case "basic":
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		_, password, ok := strings.Cut(string(raw), ":")
		return password, err == nil && ok && password != ""
	}
	return "", false
}

// routeOf is the path of Routes that a request is for, "other" for none, so that
// nobody can make labels.
func (h *handler) routeOf(r *http.Request) string {
	if p := h.rest.Pattern(r.URL.EscapedPath()); p != "" {
		return p
	}
	if slices.ContainsFunc(h.routes, func(known Route) bool { return known.Path == r.URL.Path }) {
		return r.URL.Path
	}
	return "other"
}

type requestIDKey struct{}

func requestIDOf(ctx context.Context) string { s, _ := ctx.Value(requestIDKey{}).(string); return s }

// validRequestID is the form of a request id that is taken from a client.
var validRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// observe gives every request an id, logs it when it is done, and turns a panic
// into an answer.
func (h *handler) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !validRequestID.MatchString(id) {
			b := make([]byte, 8)
			rand.Read(b)
			id = hex.EncodeToString(b)
		}
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		rec := &responseRecorder{ResponseWriter: w, request: r, status: http.StatusOK}
		start := time.Now()
		defer func() {
			if v := recover(); v != nil {
				h.log.Error("panic", "request", id, "panic", v, "stack", string(debug.Stack()))
				if !rec.headerWritten {
					h.refuse(rec, r, http.StatusInternalServerError, registry.Internal, "internal error; the log has the cause under request "+id)
				}
			}
			h.metrics.count(h.routeOf(r), rec.status, time.Since(start))
			if !h.log.Enabled(r.Context(), slog.LevelInfo) {
				return
			}
			h.log.Info("request", "request", id, "method", r.Method, "path", r.URL.Path, "status", rec.status, "bytes", rec.bytes,
				"took", time.Since(start).Round(time.Microsecond).String())
		}()
		next.ServeHTTP(rec, r)
	})
}

// responseRecorder notes what was answered, for the log.
type responseRecorder struct {
	http.ResponseWriter
	request       *http.Request
	status        int
	bytes         int
	headerWritten bool
}

// WriteHeader notes the status.
func (r *responseRecorder) WriteHeader(status int) {
	r.status, r.headerWritten = status, true
	r.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (r *responseRecorder) Write(b []byte) (int, error) {
	r.headerWritten = true
	n, err := writeBuffered(r.request, r.ResponseWriter, b)
	r.bytes += n
	return n, err
}

// Unwrap gives http.ResponseController the connection behind.
func (r *responseRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// HTTP returns a server with the time and size bounds of every route: headers in
// 10 s, a body in 15 s, 64 KiB of headers.
func HTTP(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ConnContext: withConnection}
}
