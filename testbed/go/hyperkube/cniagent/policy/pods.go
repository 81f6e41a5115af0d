package policy

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// pod is what rules depend on of a Pod.
type pod struct {
	namespace, name string
	labels          labels.Set
	address         netip.Addr // not valid while the pod starts
	local           bool
	ports           []corev1.ContainerPort
}

// podsOf are the pods that policies can speak of, in a fixed order. Those of
// the host's network are part of their node; those that have ended hold an
// address in their status that may be another's by now.
func podsOf(state State) []*pod {
	live := slices.DeleteFunc(slices.Clone(state.Pods), func(each *corev1.Pod) bool {
		ended := each.Status.Phase == corev1.PodSucceeded || each.Status.Phase == corev1.PodFailed
		return ended || each.Spec.HostNetwork
	})
	// Newest first: of two that claim one address the older one is of a node
	// that was lost, or its end was not told yet.
	slices.SortFunc(live, func(a, b *corev1.Pod) int {
		return cmp.Or(
			b.CreationTimestamp.Compare(a.CreationTimestamp.Time),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name),
		)
	})
	taken := map[netip.Addr]bool{}
	var pods []*pod
	for _, each := range live {
		address := addressOf(each)
		if taken[address] {
			continue
		}
		taken[address] = address.IsValid()
		pods = append(pods, &pod{
			namespace: each.Namespace,
			name:      each.Name,
			labels:    each.Labels,
			address:   address,
			local:     each.Spec.NodeName == state.NodeName,
			ports:     portsOf(each),
		})
	}
	slices.SortFunc(pods, func(a, b *pod) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return pods
}

// addressOf is the pod's IPv4 address, not valid where it has none yet.
func addressOf(each *corev1.Pod) netip.Addr {
	texts := []string{each.Status.PodIP}
	for _, ip := range each.Status.PodIPs {
		texts = append(texts, ip.IP)
	}
	for _, text := range texts {
		if address, err := netip.ParseAddr(text); err == nil && address.Is4() {
			return address
		}
	}
	return netip.Addr{}
}

// portsOf are the ports that a pod's containers name, its sidecars' among them.
func portsOf(each *corev1.Pod) []corev1.ContainerPort {
	var ports []corev1.ContainerPort
	for _, container := range each.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			ports = append(ports, container.Ports...)
		}
	}
	for _, container := range each.Spec.Containers {
		ports = append(ports, container.Ports...)
	}
	return ports
}

// port is the number of a named port, 0 where the pod has none of that name.
func (p *pod) port(name string, protocol corev1.Protocol) int32 {
	for _, each := range p.ports {
		if each.Name == name && cmp.Or(each.Protocol, corev1.ProtocolTCP) == protocol {
			return each.ContainerPort
		}
	}
	return 0
}
