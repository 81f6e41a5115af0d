package cniagent

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeProtocol marks the routes that the agent made, so that it removes those
// of nodes that are gone and touches no other. The number is a free one.
const routeProtocol = 81

// syncRoutes makes the node's routes into the pod network exactly `wanted`
// (range of pods -> address of their node).
func syncRoutes(podSubnet *net.IPNet, wanted map[string]net.IP) error {
	var failures []error
	for text, gateway := range wanted {
		_, cidr, err := net.ParseCIDR(text)
		if err != nil {
			return err
		}
		route := netlink.Route{Dst: cidr, Gw: gateway, Protocol: routeProtocol}
		if err := netlink.RouteReplace(&route); err != nil {
			failures = append(failures, fmt.Errorf("route to %s by %s: %w", text, gateway, err))
		}
	}
	filter := netlink.Route{Protocol: routeProtocol, Table: unix.RT_TABLE_MAIN}
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE)
	if err != nil {
		return errors.Join(append(failures, err)...)
	}
	for _, route := range routes {
		if route.Dst == nil || !podSubnet.Contains(route.Dst.IP) {
			continue
		}
		if gateway, ok := wanted[route.Dst.String()]; ok && gateway.Equal(route.Gw) {
			continue
		}
		if err := netlink.RouteDel(&route); err != nil {
			failures = append(failures, fmt.Errorf("remove route to %s: %w", route.Dst, err))
		}
	}
	return errors.Join(failures...)
}
