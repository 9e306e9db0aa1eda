package server_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/server"
)

// waits fails unless an answer is a refusal that says how long to wait, and returns that time.
func (r reply) waits(t *testing.T) time.Duration {
	t.Helper()
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if r.status != http.StatusTooManyRequests || r.code() != "RESOURCE_EXHAUSTED" || err != nil || seconds < 1 {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	return time.Duration(seconds) * time.Second
}

func TestASubjectIsLimitedAndWaits(t *testing.T) {
	s := newSite(t, server.Config{Limits: server.Limits{Rate: 1, Burst: 10}})
	ada, again, bob := "Bearer "+s.token("ada", registry.RoleViewer), "Bearer "+s.token("ada", registry.RoleViewer), "Bearer "+s.token("bob", registry.RoleViewer)
	for i := range 10 {
		if r := s.viewer("Authorization", []string{ada, again}[i%2]); !r.is("ada") {
			t.Fatalf("request %d: %d %s", i, r.status, r.body)
		}
	}
	wait := s.viewer("Authorization", ada).waits(t)
	s.viewer("Authorization", again).waits(t) // Another token of the same subject is no way out.
	s.do("GET", "/api/v1/viewer", "", "Authorization", ada).waits(t)
	if r := s.viewer("Authorization", bob); !r.is("bob") {
		t.Errorf("somebody else: %d %s", r.status, r.body)
	}
	s.clock.advance(wait)
	if r := s.viewer("Authorization", ada); !r.is("ada") {
		t.Errorf("after the wait: %d %s", r.status, r.body)
	}
	off := newSite(t, server.Config{})
	token := "Bearer " + off.token("ada", registry.RoleViewer)
	for range 50 {
		if r := off.viewer("Authorization", token); !r.is("ada") {
			t.Fatalf("without a limit: %d %s", r.status, r.body)
		}
	}
}

// TestEachRootFieldOfAMutationCounts sends five mutations in one request.
func TestEachRootFieldOfAMutationCounts(t *testing.T) {
	s := newSite(t, server.Config{Limits: server.Limits{Rate: 1, Burst: 12}})
	token := "Bearer " + s.token("ada", registry.RoleDataScientist)
	register := func(round, n int) reply {
		var fields []string
		for i := range n {
			fields = append(fields, fmt.Sprintf(`m%d: registerModel(input: {name: \"m-%d-%d\"}) { model { name } }`, i, round, i))
		}
		return s.do("POST", "/graphql", `{"query":"mutation { `+strings.Join(fields, " ")+` }"}`, "Content-Type", "application/json", "Authorization", token)
	}
	for round := range 2 {
		if r := register(round, 5); r.status != http.StatusOK || strings.Contains(r.body, "errors") {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	register(2, 5).waits(t) // Two are left, and one of these is the request itself.
	if r := register(3, 1); r.status != http.StatusOK || strings.Contains(r.body, "errors") {
		t.Errorf("the last one: %d %s", r.status, r.body)
	}
	s.viewer("Authorization", token).waits(t)
	if m, err := s.Model(s.admin, "m-2-0"); m != nil || err != nil {
		t.Errorf("a refused mutation was done: %v %v", m, err)
	}
	s.clock.advance(12 * time.Second)
	many := `{"query":"{ ` + strings.Repeat("viewer { subject } ", 10) + `}"}`
	for range 12 { // The root fields of a query are no reason.
		if r := s.do("POST", "/graphql", many, "Content-Type", "application/json", "Authorization", token); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
}

func TestWrongTokensAreLimitedByAddressAndByBeginning(t *testing.T) {
	proxy := server.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
	s := newSite(t, server.Config{Proxies: proxy, Limits: server.Limits{FailedLogins: 5}})
	known, other := s.token("ada", registry.RoleViewer), s.token("bob", registry.RoleViewer)
	from := func(address, token string) reply {
		return s.viewer("Authorization", "Bearer "+token, "X-Forwarded-For", address)
	}
	if r := from("192.0.2.1", known); !r.is("ada") {
		t.Fatal(r.body)
	}
	for i := range 5 {
		if r := from("192.0.2.1", fmt.Sprintf("wrong-%d-token-of-nobody", i)); r.status != http.StatusUnauthorized {
			t.Fatalf("%d: %d %s", i, r.status, r.body)
		}
	}
	before := s.reads.n.Load()
	wait := from("192.0.2.1", "wrong-6-token-of-nobody").waits(t)
	from("192.0.2.1", other).waits(t) // It is not looked at, so nobody can go on guessing.
	if n := s.reads.n.Load(); n != before {
		t.Errorf("%d reads for refused logins", n-before)
	}
	if r := from("192.0.2.1", known); !r.is("ada") {
		t.Errorf("a token that was accepted lately: %d %s", r.status, r.body)
	}
	if r := from("192.0.2.2", other); !r.is("bob") {
		t.Errorf("another address: %d %s", r.status, r.body)
	}
	s.clock.advance(wait)
	if r := from("192.0.2.1", "wrong-7-token-of-nobody"); r.status != http.StatusUnauthorized {
		t.Errorf("after the wait: %d %s", r.status, r.body)
	}
	s.clock.advance(time.Hour)
	for i := range 5 { // From many addresses, tokens that begin alike.
		if r := from(fmt.Sprintf("198.51.100.%d", i), fmt.Sprintf("pdg_sameStart%d", i)); r.status != http.StatusUnauthorized {
			t.Fatalf("%d: %d", i, r.status)
		}
	}
	from("198.51.100.99", "pdg_sameStart99").waits(t)
	s.clock.advance(time.Hour)
	for i := range 5 { // One customer of IPv6 has many addresses.
		from(fmt.Sprintf("2001:db8:0:1::%d", i), fmt.Sprintf("other-%d-start", i))
	}
	from("2001:db8:0:1:ffff::1", "another-start").waits(t)
	if r := from("2001:db8:0:2::1", "further-start"); r.status != http.StatusUnauthorized {
		t.Errorf("another network: %d", r.status)
	}
	basic := s.do("GET", "/api/v1/viewer", "", "Authorization", "Basic ???", "X-Forwarded-For", "203.0.113.9")
	if basic.status != http.StatusUnauthorized {
		t.Errorf("%d", basic.status)
	}
}

// TestOnlyTrustedProxiesTellAddresses forges X-Forwarded-For to get away from a limit.
func TestOnlyTrustedProxiesTellAddresses(t *testing.T) {
	for what, c := range map[string]struct {
		proxies server.Proxies
		chain   func(i int) []string
		limited bool
	}{
		"nobody is trusted":                     {nil, func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d", i)} }, true},
		"another network is trusted":            {server.Proxies{netip.MustParsePrefix("10.0.0.0/8")}, func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d", i)} }, true},
		"the proxy tells the address":           {local(), func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d", i)} }, false},
		"the client forges what stands before":  {local(), func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d, 203.0.113.1", i)} }, true},
		"the client forges a header of its own": {local(), func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d", i), "203.0.113.1"} }, true},
		"two proxies":                           {local(), func(i int) []string { return []string{fmt.Sprintf("192.0.2.%d, 127.0.0.9", i)} }, false},
		"no address":                            {local(), func(i int) []string { return []string{fmt.Sprintf("x%d", i)} }, true},
	} {
		s := newSite(t, server.Config{Proxies: c.proxies, Limits: server.Limits{FailedLogins: 3}})
		var last reply
		for i := range 4 {
			headers := []string{"Authorization", fmt.Sprintf("Bearer token-%d-of-nobody", i)}
			for _, h := range c.chain(i) {
				headers = append(headers, "X-Forwarded-For", h)
			}
			last = s.viewer(headers...)
		}
		if limited := last.status == http.StatusTooManyRequests; limited != c.limited {
			t.Errorf("%s: %d", what, last.status)
		}
	}
}

func local() server.Proxies { return server.Proxies{netip.MustParsePrefix("127.0.0.0/8")} }
