// Package outbound speaks to foreign addresses: those that a caller names and the server has no reason
// to trust. It speaks to public addresses alone, and follows nobody.
package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// ErrRefused says that an address is of a network that the server does not speak to.
var ErrRefused = errors.New("outbound: the address is not allowed")

// refusedNetworks are networks beyond those that netip knows: they lead into networks of the
// operator, or carry addresses that do.
var refusedNetworks = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32",               // the metadata of Azure
	"64:ff9b::/96", "64:ff9b:1::/48", // NAT64
	"::/96", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// Public reports whether an address is one of the public networks.
func Public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	for _, p := range refusedNetworks {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// checkConnection refuses a connection to an address that is not public. It is asked about the
// address that is connected to, after names were resolved: so a name that changes its mind is
// refused too.
func checkConnection(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !Public(to.Addr()) {
		return fmt.Errorf("%w", ErrRefused)
	}
	return nil
}
