package cniagent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/vishvananda/netlink"
)

const (
	conflistPath = "/etc/cni/net.d/10-testbed.conflist"
	fallbackMTU  = 1500
)

type object = map[string]any

// writeConflist tells containerd how to connect a pod: a point-to-point link
// with an address of the node's own range, and host ports by portmap. The file
// is replaced at once, never seen half written, and only when it changes,
// because containerd reloads its network on every write.
func writeConflist(cidr *net.IPNet, nodeIP net.IP) error {
	content, err := json.MarshalIndent(object{
		"cniVersion": "0.3.1",
		"name":       "testbed",
		"plugins": []object{
			{
				"type":   "ptp",
				"ipMasq": false,
				"mtu":    linkMTU(nodeIP),
				"ipam": object{
					"type":    "host-local",
					"dataDir": "/run/cni-ipam-state",
					"routes":  []object{{"dst": "0.0.0.0/0"}},
					"ranges":  [][]object{{{"subnet": cidr.String()}}},
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	before, err := os.ReadFile(conflistPath)
	if err == nil && bytes.Equal(before, content) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temporary := conflistPath + ".new" // not a name that containerd reads
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return fmt.Errorf("conflist: %w", err)
	}
	return os.Rename(temporary, conflistPath)
}

// linkMTU is the MTU of the link that holds the node's address, so that pods
// send no packet that the nodes' network cannot carry.
func linkMTU(nodeIP net.IP) int {
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fallbackMTU
	}
	for _, address := range addresses {
		if !address.IP.Equal(nodeIP) {
			continue
		}
		if link, err := netlink.LinkByIndex(address.LinkIndex); err == nil {
			return link.Attrs().MTU
		}
	}
	return fallbackMTU
}
