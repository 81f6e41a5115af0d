package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// cluster is everything that selectors are tried on.
type cluster struct {
	pods       []*pod
	namespaces map[string]labels.Set
}

// direction is one of the two ways a policy can isolate a pod: seen from a
// packet, the isolated pod is at one end and the peers at the other.
type direction struct {
	policyType networkingv1.PolicyType
	name       string
	own, peer  string // header fields
}

var directions = []direction{
	{networkingv1.PolicyTypeEgress, "egress", "saddr", "daddr"},
	{networkingv1.PolicyTypeIngress, "ingress", "daddr", "saddr"},
}

// rule is an ingress or egress rule: they differ in the names only.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

// effect is what one policy means for this node in one direction.
type effect struct {
	policy   string
	selected []*pod // of this node
	accepts  []string
}

// effects are those of all policies that select a pod of this node.
func (c *cluster) effects(way direction, policies []*networkingv1.NetworkPolicy) ([]effect, error) {
	var found []effect
	var failures []error
	for _, policy := range policies {
		rules, isolates := rulesOf(policy, way)
		if !isolates {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s/%s: podSelector: %w", policy.Namespace, policy.Name, err))
			continue
		}
		each := effect{policy: policy.Namespace + "/" + policy.Name}
		for _, one := range c.pods {
			if one.local && one.namespace == policy.Namespace && selector.Matches(one.labels) {
				each.selected = append(each.selected, one)
			}
		}
		if len(each.selected) == 0 {
			continue
		}
		for _, one := range rules {
			allowed, err := c.peersOf(policy.Namespace, one.peers)
			if err != nil { // what could be read counts, the rest allows nothing
				failures = append(failures, fmt.Errorf("%s: %w", each.policy, err))
			}
			each.accepts = append(each.accepts, c.accepts(way, each.selected, allowed, rulePorts(one.ports))...)
		}
		found = append(found, each)
	}
	return found, errors.Join(failures...)
}

// rulesOf are a policy's rules of one direction, and whether it has a say in
// it at all. Types that are not given follow from what is.
func rulesOf(policy *networkingv1.NetworkPolicy, way direction) ([]rule, bool) {
	var rules []rule
	isolates := slices.Contains(policy.Spec.PolicyTypes, way.policyType)
	if way.policyType == networkingv1.PolicyTypeIngress {
		for _, each := range policy.Spec.Ingress {
			rules = append(rules, rule{each.From, each.Ports})
		}
		return rules, isolates || len(policy.Spec.PolicyTypes) == 0
	}
	for _, each := range policy.Spec.Egress {
		rules = append(rules, rule{each.To, each.Ports})
	}
	return rules, isolates || len(policy.Spec.PolicyTypes) == 0 && len(rules) > 0
}

// accepts are the lines that let through what one rule allows.
func (c *cluster) accepts(way direction, selected []*pod, allowed peers, open ports) []string {
	var lines []string
	add := func(parts ...string) {
		used := slices.DeleteFunc(parts, func(part string) bool { return part == "" })
		lines = append(lines, strings.Join(append(used, "accept"), " "))
	}
	for _, peer := range allowed.matches(way) {
		for _, port := range open.matches() {
			add(peer, port)
		}
	}
	for _, named := range open.names {
		if way.policyType == networkingv1.PolicyTypeIngress {
			if port := named.at(selected); port != "" {
				for _, peer := range allowed.matches(way) {
					add(peer, port)
				}
			}
			continue
		}
		// The port is one of the peer, which the expression names already.
		var others []*pod
		for _, each := range c.pods {
			if allowed.include(each) {
				others = append(others, each)
			}
		}
		if port := named.at(others); port != "" {
			add(port)
		}
	}
	return lines
}

// matches are the expressions for the other end of a packet; one that is
// empty means any. There are none where no peer has an address.
func (p peers) matches(way direction) []string {
	if p.all {
		return []string{""}
	}
	var texts []string
	if addresses := addressesOf(p.pods); len(addresses) > 0 {
		texts = append(texts, fmt.Sprintf("ip %s { %s }", way.peer, strings.Join(addresses, ", ")))
	}
	for _, each := range p.blocks {
		var parts []string
		if each.cidr.Bits() > 0 {
			parts = append(parts, fmt.Sprintf("ip %s %s", way.peer, each.cidr))
		}
		for _, cut := range each.except {
			parts = append(parts, fmt.Sprintf("ip %s != %s", way.peer, cut))
		}
		texts = append(texts, strings.Join(parts, " "))
	}
	return texts
}

func addressesOf(pods []*pod) []string {
	var texts []string
	for _, each := range pods {
		if each.address.IsValid() {
			texts = append(texts, each.address.String())
		}
	}
	return texts
}
