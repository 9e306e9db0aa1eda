package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// StartSessionInput describes a new session of the caller.
type StartSessionInput struct {
	// Told are the grants that an identity provider told, for a caller who came without a token.
	Told []registry.Grant
	// Lifetime is how long the session lasts at most.
	Lifetime time.Duration
}

// StartSession starts a session of the caller and returns its secret; only its hash is stored.
func (a *Access) StartSession(ctx context.Context, in StartSessionInput) (string, error) {
	b := make([]byte, 32)
	rand.Read(b)
	secret := base64.RawURLEncoding.EncodeToString(b)
	_, err := a.core.Write(ctx, registry.ViewerRead, core.NotIdempotent, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		caller := tx.Scope().Actor()
		s := &registry.Session{Subject: caller.Subject, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(in.Lifetime)}
		if caller.Token != nil {
			s.Token = caller.Token.ID
		} else {
			s.Grants = in.Told
		}
		s.ID, s.Parent, s.ValidFrom = sessionID(secret), registry.ActorID(caller.Subject), tx.Now()
		if err := core.PutNoun(ctx, tx, s, tx.Now()); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogSessionStarted, Objects: []registry.ID{s.ID, s.Parent}, Detail: core.LogDetail("token", string(s.Token))})
	})
	return secret, err
}

// EndSession ends the session that the caller came with; without one it does nothing.
func (a *Access) EndSession(ctx context.Context) error {
	_, err := a.core.Write(ctx, registry.ViewerRead, core.NotIdempotent, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		came := tx.Scope().Actor().Session
		if came == nil {
			return core.WriteResult{}, nil
		}
		nodes, err := tx.NodesUnfiltered(ctx, came.ID)
		if err != nil || nodes[0] == nil {
			return core.WriteResult{}, err
		}
		s, err := core.DecodeWhole(nodes[0], &registry.Session{})
		if err != nil || !s.EndedAt.IsZero() {
			return core.WriteResult{}, err
		}
		s.EndedAt = tx.Now()
		if err := core.PutNoun(ctx, tx, s, tx.Now()); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogSessionEnded, Objects: []registry.ID{s.ID, s.Parent}})
	})
	return err
}

func sessionID(secret string) registry.ID {
	sum := sha256.Sum256([]byte(secret))
	return registry.SessionID(hex.EncodeToString(sum[:]))
}

// SealSession returns the text of a session's cookie: the secret and the time of its last use,
// under a MAC that all servers of the store check. So an idle session expires without a write.
func (a *Access) SealSession(secret string) string {
	text := secret + "." + strconv.FormatInt(a.core.Now().Unix(), 36)
	return text + "." + base64.RawURLEncoding.EncodeToString(a.sessionMAC(text))
}

func (a *Access) sessionMAC(text string) []byte {
	h := hmac.New(sha256.New, a.sessionKey)
	h.Write([]byte(text))
	return h.Sum(nil)[:16]
}

// AuthenticateSession returns the actor of a session's cookie, and a new text for the cookie when
// a tenth of the idle time has passed. UNAUTHENTICATED for a cookie that is not one of
// SealSession, and after the idle time; the store is not asked about these.
func (a *Access) AuthenticateSession(ctx context.Context, cookie string, idle time.Duration) (actor registry.Actor, renewed string, err error) {
	i := strings.LastIndexByte(cookie, '.')
	secret, used, _ := strings.Cut(cookie[:max(i, 0)], ".")
	seconds, failed := strconv.ParseInt(used, 36, 64)
	mac, badMAC := base64.RawURLEncoding.DecodeString(cookie[i+1:])
	age := a.core.Now().Sub(time.Unix(seconds, 0))
	if len(cookie) > 256 || failed != nil || badMAC != nil || !hmac.Equal(mac, a.sessionMAC(cookie[:max(i, 0)])) || age > idle || age < -core.MaxAhead {
		return registry.Actor{}, "", registry.Errorf(registry.Unauthenticated, "you are signed out; sign in again")
	}
	if actor, err = a.core.Gate.AuthenticateSession(ctx, sessionID(secret)); err == nil && age > idle/10 {
		renewed = a.SealSession(secret)
	}
	return actor, renewed, err
}

// Federated returns the actor of a subject whose identity a provider has proved: it holds the
// grants that the provider told and those that are stored for it.
func (a *Access) Federated(ctx context.Context, subject string, told []registry.Grant) (registry.Actor, error) {
	if err := core.CheckRequiredKey("subject", &subject); err != nil {
		return registry.Actor{}, err
	}
	return a.core.Gate.Federated(ctx, subject, told)
}

// loginList binds the texts of SealLogin.
const loginList = "login"

// SealLogin returns a text that holds a value, under a MAC that all servers of the store check.
// It is for what a browser keeps during a login.
func (a *Access) SealLogin(v any) string { return a.core.SealCursor("", loginList, v) }

// OpenLogin decodes the value of a text of SealLogin; INVALID_ARGUMENT for every other text.
func (a *Access) OpenLogin(text string, v any) error {
	return a.core.OpenCursor("", loginList, text, v)
}
