package cniagent

import (
	"context"
	"errors"
	"net"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// sync makes the node agree with all Node objects. The order matters: the CNI
// file makes the kubelet report the node as ready, so it comes last.
func (a *agent) sync(ctx context.Context) error {
	nodes, err := a.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	var own *net.IPNet
	var ownIP net.IP
	wanted := map[string]net.IP{}
	for _, node := range nodes {
		cidr, ip := podCIDR(node), internalIP(node)
		if cidr == nil || ip == nil {
			continue // not set up yet; its update wakes us
		}
		if node.Name == a.nodeName {
			own, ownIP = cidr, ip
		} else {
			wanted[cidr.String()] = ip
		}
	}
	err = errors.Join(
		syncMasquerade(ctx, a.podSubnet),
		syncRoutes(a.podSubnet, wanted),
	)
	if own == nil || err != nil {
		return err
	}
	return writeConflist(own, ownIP)
}

// podCIDR is the IPv4 range that the controller manager gave to the node.
func podCIDR(node *corev1.Node) *net.IPNet {
	for _, text := range append([]string{node.Spec.PodCIDR}, node.Spec.PodCIDRs...) {
		if _, cidr, err := net.ParseCIDR(text); err == nil && cidr.IP.To4() != nil {
			return cidr
		}
	}
	return nil
}

// internalIP is the node's IPv4 address on the network of the nodes.
func internalIP(node *corev1.Node) net.IP {
	for _, address := range node.Status.Addresses {
		if address.Type != corev1.NodeInternalIP {
			continue
		}
		if ip := net.ParseIP(address.Address).To4(); ip != nil {
			return ip
		}
	}
	return nil
}
