package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the addresses of the proxies before the server, which tell it the address and the
// scheme of a client. Without any, the server believes no such header.
type Proxies []netip.Prefix

func (p Proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// address returns the address of the client. Each trusted proxy has added the address that it
// was asked from at the end of X-Forwarded-For: the last one that is no proxy is the client.
// What stands before it, anybody can have sent.
func (p Proxies) address(r *http.Request) netip.Addr {
	here := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(here); i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		here = a.Unmap()
	}
	return here
}

// secure reports whether the client speaks TLS, to the server or to a trusted proxy.
func (p Proxies) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	told := r.Header.Values("X-Forwarded-Proto")
	if len(told) == 0 || !p.trusts(peer(r)) {
		return false
	}
	last := told[len(told)-1]
	return strings.EqualFold(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]), "https")
}

// origin returns the origin of the server as the client sees it.
func (p Proxies) origin(r *http.Request) string {
	if p.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// peer returns the address that the connection comes from.
func peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
