// Package policy translates NetworkPolicies into a packet filter for one node.
//
// It is pure: objects in, the text of an nftables file out. The node filters
// for its own pods only, what they send (egress) and what they get (ingress),
// where their packets are forwarded: after a service's address has become a
// pod's, and while the source is still the pod. The node's own traffic is not
// forwarded, so probes always pass, and so does a pod's traffic to its own
// node, as the API has it. IPv4 only.
package policy

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// State is what the rules of a node follow from.
type State struct {
	NodeName string
	// PodRange holds the addresses of the node's pods; not valid until known.
	PodRange   netip.Prefix
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
}

// head makes the load atomic and repeatable, see masquerade.go.
const head = "table ip ket_policies\ndelete table ip ket_policies\n"

// Rules is a complete nftables file. With an error it is complete too, but for
// the parts of policies that the error names, which then allow nothing.
func Rules(state State) (string, error) {
	world := cluster{namespaces: map[string]labels.Set{}}
	if len(state.Policies) > 0 {
		world.pods = podsOf(state)
	}
	for _, each := range state.Namespaces {
		world.namespaces[each.Name] = each.Labels
	}
	policies := slices.SortedFunc(slices.Values(state.Policies), func(a, b *networkingv1.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	text := strings.Builder{}
	text.WriteString(head + "table ip ket_policies {\n")
	var failures []error
	for _, way := range directions {
		effects, err := world.effects(way, policies)
		failures = append(failures, err)
		if len(effects) > 0 {
			writer := chains{&text, way, effects}
			writer.write(world.pods, state.PodRange)
		}
	}
	text.WriteString("}\n")
	return text.String(), errors.Join(failures...)
}
