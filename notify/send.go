package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"pedigree/outbound"
	"pedigree/registry"
	"pedigree/service/webhooks"
)

// maxAnswer is how much of an answer is read.
const maxAnswer = 64 << 10

// newClient returns the client that speaks to receivers: no proxy, no redirects, and no address that
// is not public.
func newClient(c Config) *http.Client {
	client := outbound.NewClient(outbound.Options{AllowPrivate: c.AllowPrivate, Timeout: c.Timeout, Roots: c.Roots})
	client.Timeout = c.Timeout
	return client
}

// attempt is what became of an attempt.
type attempt struct {
	outcome registry.DeliveryOutcome
	status  int
}

// post sends a body to the receiver of a webhook.
func (w *Worker) post(ctx context.Context, d *webhooks.Due, id string, body []byte) attempt {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Address, bytes.NewReader(body))
	if err != nil || r.URL.Scheme != "https" && !w.config.AllowPrivate {
		return attempt{outcome: registry.AddressRefused}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "pedigree")
	switch {
	case d.Format == registry.WebhookMLflow:
		signMLflow(r.Header, d.Secrets, id, w.config.Now(), body)
	case len(d.Secrets) > 0:
		sign(r.Header, d.Secrets, id, w.config.Now(), body)
	}
	resp, err := w.client.Do(r)
	if err != nil {
		return attempt{outcome: outcomeOf(err)}
	}
	defer resp.Body.Close()
	// What a receiver says is not kept, but a connection that was read to its end is used again.
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)); err != nil && outcomeOf(err) == registry.TimedOut {
		return attempt{registry.TimedOut, resp.StatusCode}
	}
	switch resp.StatusCode / 100 {
	case 2:
		return attempt{registry.Delivered, resp.StatusCode}
	case 3:
		return attempt{registry.Redirected, resp.StatusCode}
	}
	return attempt{registry.BadStatus, resp.StatusCode}
}

// outcomeOf says why no answer came.
func outcomeOf(err error) registry.DeliveryOutcome {
	var slow net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, outbound.ErrRefused):
		return registry.AddressRefused
	case errors.As(err, &certificate):
		return registry.BadCertificate
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return registry.TimedOut
	}
	return registry.NotConnected
}

// sign sets the headers of the Standard Webhooks specification: the id, the time, and a signature
// with each secret, the newest first.
func sign(h http.Header, secrets []string, id string, at time.Time, body []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range secrets {
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		signatures = append(signatures, signature(key, id, stamp, body))
	}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", strings.Join(signatures, " "))
}

// signature signs the id, the time and the body of a delivery. MLflow's is the same, over a key that
// is the secret itself.
func signature(key []byte, id, stamp string, body []byte) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + stamp + "."))
	m.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}
