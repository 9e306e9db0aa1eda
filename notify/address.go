package notify

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// errAddressRefused says that an address is of a network that the server does not speak to.
var errAddressRefused = errors.New("notify: the address is not allowed")

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

// publicAddress reports whether an address is one of the public networks.
func publicAddress(a netip.Addr) bool {
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
	if err != nil || !publicAddress(to.Addr()) {
		return fmt.Errorf("%w", errAddressRefused)
	}
	return nil
}
