package cniagent

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// The first two lines make the load atomic and repeatable: the table exists,
// is removed and comes back in one transaction.
const masqueradeRules = `table ip ket_masquerade
delete table ip ket_masquerade
table ip ket_masquerade {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr %[1]s ip daddr != %[1]s fib daddr type != local counter masquerade
	}
}
`

// syncMasquerade gives traffic that leaves the pod network the node's address:
// only pods' own network knows the way back to a pod.
func syncMasquerade(ctx context.Context, podSubnet *net.IPNet) error {
	return applyRules(ctx, fmt.Sprintf(masqueradeRules, podSubnet))
}

// applyRules loads a complete nftables file in one transaction.
func applyRules(ctx context.Context, rules string) error {
	command := exec.CommandContext(ctx, "nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
