package registry

import "time"

// Session is a browser's sign-in; only the hash of its secret is stored.
type Session struct {
	Meta
	Subject string `json:"subject,omitempty"`
	// Token is the token that the session began with. The session gives no more than it, and
	// ends with it.
	Token ID `json:"token,omitempty"`
	// Grants are those that the identity provider told, for a session that began without a token.
	Grants    []Grant   `json:"grants,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
}

// SessionID is the id of a session by the SHA-256 of its secret, in hex.
func SessionID(sha256hex string) ID { return NewID(KindSession, sha256hex) }

// Valid reports whether the session may be used at a time: it has neither ended nor expired.
func (s *Session) Valid(now time.Time) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt)
}
