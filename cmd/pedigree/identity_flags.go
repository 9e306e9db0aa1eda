package main

import (
	"net/netip"
	"path"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"pedigree/registry"
	"pedigree/server"
)

// The limits of a server when nobody says others: far above what people and their jobs send.
const (
	defaultRate         = 2000
	defaultBurst        = 20000
	defaultFailedLogins = 60
)

// addIdentityFlags adds the flags of serve that say who callers are and how much they may send.
func addIdentityFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String("base-path", "", "the path below which the server answers, such as /pedigree, when a proxy passes it on")
	f.StringSlice("trusted-proxies", nil, "the networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto are believed")
	f.Float64("rate-limit", defaultRate, "the requests that a subject may send in a second, over time; each root field of a mutation counts; 0 means no limit")
	f.Int("rate-burst", defaultBurst, "the requests that a subject may send at once")
	f.Int("failed-logins", defaultFailedLogins, "the wrong tokens that an address, or a beginning of tokens, may send in a minute; 0 means no limit")
	f.Duration("session-idle", server.DefaultSessionIdle, "the time after which an unused session of a browser ends")
	f.Duration("session-lifetime", server.DefaultSessionLifetime, "the time after which a session of a browser ends, used or not")
	f.String("oidc-issuer", "", "the URL of an identity provider (OpenID Connect) whose tokens are accepted")
	f.String("oidc-audience", "", "the audience that a bearer token of the identity provider must have (required with --oidc-issuer)")
	f.String("oidc-role-claim", "roles", "the claim of a token that --oidc-roles looks up; a dot leads into an object")
	f.StringSlice("oidc-roles", nil, "VALUE=ROLE: subjects whose claim has this value hold this role; more than one is possible")
	f.String("oidc-client-id", "", "the client of the login in a browser; without it there is none")
	f.String("oidc-client-secret", "", "the secret of that client; set PEDIGREE_OIDC_CLIENT_SECRET, because others can read command lines")
}

// identityConfig reads the flags of addIdentityFlags into the configuration of a server.
func identityConfig(s *settings, c *server.Config) (err error) {
	if c.BasePath, err = basePath(s.GetString("base-path")); err != nil {
		return err
	}
	if c.Proxies, err = proxies(s.GetStringSlice("trusted-proxies")); err != nil {
		return err
	}
	c.Limits = server.Limits{Rate: s.GetFloat64("rate-limit"), Burst: s.GetInt("rate-burst"), FailedLogins: s.GetInt("failed-logins")}
	if c.Limits.Rate < 0 || c.Limits.FailedLogins < 0 || c.Limits.Rate > 0 && c.Limits.Burst < 5 {
		return registry.Invalid("rate-limit", "and failed-logins must not be negative, and rate-burst must be at least 5, the root fields of one mutation")
	}
	if c.SessionIdle, c.SessionLifetime = s.GetDuration("session-idle"), s.GetDuration("session-lifetime"); c.SessionIdle <= 0 || c.SessionLifetime <= 0 {
		return registry.Invalid("session-idle", "and session-lifetime must be longer than 0")
	}
	c.OIDC, err = identityProvider(s)
	return err
}

// identityProvider returns the identity provider of the settings, nil when there is none.
func identityProvider(s *settings) (*server.OIDC, error) {
	if s.GetString("oidc-issuer") == "" {
		for _, flag := range []string{"oidc-audience", "oidc-client-id", "oidc-client-secret"} {
			if s.GetString(flag) != "" {
				return nil, registry.Invalid(flag, "means nothing without oidc-issuer")
			}
		}
		return nil, nil
	}
	roles := map[string][]string{}
	for _, line := range s.GetStringSlice("oidc-roles") {
		i := strings.LastIndexByte(line, '=') // A value may have an = in it, a role has none.
		if i < 1 || i == len(line)-1 {
			return nil, registry.Invalid("oidc-roles", "%q must be VALUE=ROLE", registry.Shorten(line, 60))
		}
		roles[line[:i]] = append(roles[line[:i]], line[i+1:])
	}
	return server.NewOIDC(server.OIDCConfig{Issuer: s.GetString("oidc-issuer"), Audience: s.GetString("oidc-audience"), RoleClaim: s.GetString("oidc-role-claim"), Roles: roles,
		ClientID: s.GetString("oidc-client-id"), ClientSecret: s.GetString("oidc-client-secret")})
}

// validBasePath is the form of a base path. It stands in pages, so it has no other signs.
var validBasePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func basePath(v string) (string, error) {
	v = strings.TrimSuffix(v, "/")
	if v != "" && (!validBasePath.MatchString(v) || path.Clean(v) != v) {
		return "", registry.Invalid("base-path", "%q is no path; write it as /pedigree", registry.Shorten(v, 60))
	}
	return v, nil
}

func proxies(networks []string) (out server.Proxies, err error) {
	for _, n := range networks {
		n = strings.TrimSpace(n)
		prefix, err := netip.ParsePrefix(n)
		if err != nil {
			a, err := netip.ParseAddr(n)
			if err != nil {
				return nil, registry.Invalid("trusted-proxies", "%q is no network; write it as 10.0.0.0/8 or 10.0.0.1", registry.Shorten(n, 60))
			}
			prefix = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}
