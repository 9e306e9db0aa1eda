// Package server combines the GraphQL API, the REST API, the pages and the health checks
// into one http.Handler. It authenticates the caller before a request reaches an API. It
// has no business rules.
package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"pedigree/registry"
	"pedigree/resolvers/door"
	"pedigree/rest/githost"
	"pedigree/rest/kubeflow"
	"pedigree/rest/mlflow"
	"pedigree/rest/openlineage"
	"pedigree/rest/v1"
	"pedigree/service"
	"pedigree/web"
)

// Config configures a server.
type Config struct {
	// Origins are the origins whose pages may call the API from a browser; none by default.
	Origins []string
	Log     *slog.Logger
	// FactsBytes is the size limit of a request of facts in bytes; 0 means 64 MiB.
	FactsBytes int64
	// FileBytes is the size limit of a file in bytes; 0 means 10 GiB.
	FileBytes int64
	// BasePath is the path below which the server answers, such as /pedigree; "" is the root.
	BasePath string
	Proxies  Proxies
	// OIDC verifies tokens of an identity provider; nil without one.
	OIDC   *OIDC
	Limits Limits
	// MLflowAnyStage lets MLflow's clients move a version from every stage to every other.
	MLflowAnyStage bool
	// SessionIdle and SessionLifetime end a browser's session; zero means the defaults.
	SessionIdle, SessionLifetime time.Duration
	// AliveInterval is how often a connection that stays open is shown to be alive, and its caller is
	// authenticated again; zero means 15 s.
	AliveInterval time.Duration
	// Hooks receives the hooks of git hosts; nil receives none.
	Hooks githost.Receiver
	// EventsOut tells where the sender of OpenLineage events is, for the metrics; nil without one.
	EventsOut func() EventsOut
	// Now is the clock of limits and logins; nil means that of the system.
	Now func() time.Time
}

// Route is a path of the server, with {name} for a path parameter. A public path needs no
// authentication.
type Route struct {
	Path   string
	Public bool
}

// Routes lists every path of the server, so that a test can check each for its
// authentication.
func Routes() []Route {
	out := []Route{{"/graphql", false}, {"/metrics", false}, {"/healthz", true}, {"/readyz", true},
		{"/session", true}, {"/login", true}, {"/callback", true}, {"/logout", true}, {githost.Path, false}}
	for _, r := range v1.Routes() {
		if p := (Route{r.Path, false}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, r := range openlineage.Routes() {
		if p := (Route{r.Path, false}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, r := range mlflow.Routes() {
		if p := (Route{r.Path, false}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, r := range kubeflow.Routes() {
		if p := (Route{r.Path, false}); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	for _, p := range web.Routes() {
		out = append(out, Route{p, true})
	}
	return out
}

// New returns the handler of all APIs and pages of a service.
func New(s *service.Service, c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.SessionIdle, c.SessionLifetime = cmp.Or(c.SessionIdle, DefaultSessionIdle), cmp.Or(c.SessionLifetime, DefaultSessionLifetime)
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &handler{service: s, config: c, log: c.Log, subjects: newLimiter(c.Limits.Rate, c.Limits.Burst, c.Now), logins: newLoginGuard(c.Limits.FailedLogins, c.Now), graphql: door.New(s, c.Log, service.RequestID, door.AliveInterval(c.AliveInterval)), rest: v1.New(s, c.Log, requestIDOf, v1.FactsBytes(c.FactsBytes), v1.FileBytes(c.FileBytes)),
		mlflow: mlflow.New(s, c.Log, requestIDOf, mlflow.AnyStage(c.MLflowAnyStage), mlflow.FileBytes(c.FileBytes),
			mlflow.Origin(func(r *http.Request) string { return c.Proxies.origin(r) + c.BasePath })),
		events:   openlineage.New(s, c.Log, requestIDOf),
		kubeflow: kubeflow.New(s, c.Log, requestIDOf),
		hooks:    githost.New(c.Hooks, c.Log, requestIDOf),
		pages:    web.New(web.Options{BasePath: c.BasePath, Login: c.OIDC != nil && c.OIDC.config.ClientID != ""}),
		metrics:  newMetrics(s.PolicyVersion(), c.EventsOut), routes: Routes()}
	var out http.Handler = http.HandlerFunc(h.route)
	if len(c.Origins) > 0 {
		out = cors.New(cors.Options{AllowedOrigins: c.Origins, AllowedMethods: []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
			AllowedHeaders: []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"},
			ExposedHeaders: []string{"Content-Disposition", "ETag", "Pedigree-As-Of", "Pedigree-Hidden-Fields", "Pedigree-Truncated", "X-Request-Id"}, MaxAge: 600}).Handler(out)
	}
	return below(c.BasePath, h.observe(out))
}

// below returns a handler that answers below a path and nowhere else.
func below(base string, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	strip := http.StripPrefix(base, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == base && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			http.Redirect(w, r, base+"/", http.StatusMovedPermanently)
		case strings.HasPrefix(r.URL.Path, base+"/"):
			strip.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

type handler struct {
	service *service.Service
	config  Config
	log     *slog.Logger
	// subjects limits requests by subject, logins failed logins.
	subjects *limiter
	logins   *loginGuard
	graphql  http.Handler
	rest     *v1.Handler
	mlflow   *mlflow.Handler
	events   *openlineage.Handler
	kubeflow *kubeflow.Handler
	hooks    *githost.Handler
	pages    http.Handler
	metrics  *metrics
	routes   []Route
}

// route matches paths exactly. Below their prefixes the REST APIs do the matching, after
// authentication, so that an unknown caller cannot find out which paths exist.
func (h *handler) route(w http.ResponseWriter, r *http.Request) {
	if openlineage.Handles(r.Method, r.URL.Path) {
		h.authenticated(h.events).ServeHTTP(w, r)
		return
	}
	if githost.Handles(r.URL.Path) {
		h.serveHook(w, r)
		return
	}
	if v1.Handles(r.URL.Path) {
		h.authenticated(h.rest).ServeHTTP(w, r)
		return
	}
	if mlflow.Handles(r.URL.Path) {
		h.authenticated(h.mlflow).ServeHTTP(w, r)
		return
	}
	if kubeflow.Handles(r.URL.Path) {
		h.authenticated(h.kubeflow).ServeHTTP(w, r)
		return
	}
	switch r.URL.Path {
	case "/graphql":
		h.serveGraphQL(w, r)
	case "/metrics":
		h.authenticated(http.HandlerFunc(h.serveMetrics)).ServeHTTP(w, r)
	case "/session":
		h.serveSession(w, r)
	case "/login":
		h.serveLogin(w, r)
	case "/callback":
		h.serveCallback(w, r)
	case "/logout":
		h.serveLogout(w, r)
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

// refuse writes an error in the form of the API that the path belongs to.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, status int, code registry.Code, message string) {
	if openlineage.Handles(r.Method, r.URL.Path) {
		h.events.Refuse(w, r, status, code, message)
		return
	}
	if v1.Handles(r.URL.Path) {
		h.rest.Refuse(w, r, status, code, message)
		return
	}
	if mlflow.Handles(r.URL.Path) {
		h.mlflow.Refuse(w, r, status, code, message)
		return
	}
	if kubeflow.Handles(r.URL.Path) {
		h.kubeflow.Refuse(w, r, status, code, message)
		return
	}
	door.Refuse(w, status, code, message)
}

// routeOf returns the route of a request for the metrics, or "other" when there is none, so
// that clients cannot create metric labels.
func (h *handler) routeOf(r *http.Request) string {
	if githost.Handles(r.URL.Path) {
		return githost.Path
	}
	if p := cmp.Or(h.events.Pattern(r.Method, r.URL.EscapedPath()), h.rest.Pattern(r.URL.EscapedPath()), h.mlflow.Pattern(r.URL.EscapedPath()), h.kubeflow.Pattern(r.URL.EscapedPath()), web.Pattern(r.URL.Path)); p != "" {
		return p
	}
	if slices.ContainsFunc(h.routes, func(known Route) bool { return known.Path == r.URL.Path }) {
		return r.URL.Path
	}
	return "other"
}

type requestIDKey struct{}

func requestIDOf(ctx context.Context) string { s, _ := ctx.Value(requestIDKey{}).(string); return s }

// validRequestID is the form of a request id that is accepted from a client.
var validRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// observe gives every request an id, logs and counts it at its end, and turns a panic into
// an error response.
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
			v := recover()
			if v == http.ErrAbortHandler {
				defer panic(v) // The connection is to break off.
			} else if v != nil {
				h.log.Error("panic", "request", id, "panic", v, "stack", string(debug.Stack()))
				if !rec.headerWritten {
					h.refuse(rec, r, http.StatusInternalServerError, registry.Internal, "internal error; the log has the cause under request "+id)
				}
			}
			route := h.routeOf(r)
			if door.Streamed(rec.status, rec.Header()) {
				route += " stream" // It takes as long as its client likes.
			}
			h.metrics.count(route, rec.status, time.Since(start))
			if !h.log.Enabled(r.Context(), slog.LevelInfo) {
				return
			}
			h.log.Info("request", "request", id, "method", r.Method, "path", r.URL.Path, "status", rec.status, "bytes", rec.bytes,
				"took", time.Since(start).Round(time.Microsecond).String())
		}()
		next.ServeHTTP(rec, r)
	})
}

// responseRecorder records the status and size of a response.
type responseRecorder struct {
	http.ResponseWriter
	request       *http.Request
	status        int
	bytes         int
	headerWritten bool
}

// WriteHeader records the status.
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

// Unwrap returns the underlying writer for http.ResponseController.
func (r *responseRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// HTTP returns a server with limits for every route: 10 s for the headers, 15 s for the
// body, 60 s for the response, 64 KiB of headers.
func HTTP(h http.Handler) *http.Server {
	closing, end := context.WithCancel(context.Background())
	out := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return door.WithClosing(withConnection(ctx, c), closing)
		}}
	out.RegisterOnShutdown(end)
	return out
}
