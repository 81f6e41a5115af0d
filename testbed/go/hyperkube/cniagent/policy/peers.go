package policy

import (
	"errors"
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// peers are the other ends that one rule of a policy allows.
type peers struct {
	all    bool
	pods   []*pod
	blocks []block
}

// block is a range of addresses without the ranges cut out of it.
type block struct {
	cidr   netip.Prefix
	except []netip.Prefix
}

// peersOf resolves the `from` or `to` of a rule; an empty one allows all.
func (c *cluster) peersOf(namespace string, list []networkingv1.NetworkPolicyPeer) (peers, error) {
	if len(list) == 0 {
		return peers{all: true}, nil
	}
	var found peers
	var failures []error
	chosen := map[*pod]bool{}
	for _, peer := range list {
		if peer.IPBlock != nil {
			each, err := blockOf(peer.IPBlock)
			failures = append(failures, err)
			if each.cidr.IsValid() && each.cidr.Addr().Is4() { // an IPv6 range has no part in an IPv4 network
				found.blocks = append(found.blocks, each)
			}
			continue
		}
		matches, err := c.podMatcher(namespace, peer)
		failures = append(failures, err)
		for _, each := range c.pods {
			if err == nil && matches(each) {
				chosen[each] = true
			}
		}
	}
	for _, each := range c.pods {
		if chosen[each] {
			found.pods = append(found.pods, each)
		}
	}
	return found, errors.Join(failures...)
}

// podMatcher tells which pods a peer's selectors mean. Without a selector of
// namespaces they are those of the policy's own, without one of pods all.
func (c *cluster) podMatcher(namespace string, peer networkingv1.NetworkPolicyPeer) (func(*pod) bool, error) {
	podSelector, err := selectorOr(peer.PodSelector, labels.Everything())
	if err != nil {
		return nil, err
	}
	namespaceSelector, err := selectorOr(peer.NamespaceSelector, nil)
	if err != nil {
		return nil, err
	}
	return func(each *pod) bool {
		if namespaceSelector == nil {
			return each.namespace == namespace && podSelector.Matches(each.labels)
		}
		own, known := c.namespaces[each.namespace]
		return known && namespaceSelector.Matches(own) && podSelector.Matches(each.labels)
	}, nil
}

func selectorOr(selector *metav1.LabelSelector, absent labels.Selector) (labels.Selector, error) {
	if selector == nil {
		return absent, nil
	}
	return metav1.LabelSelectorAsSelector(selector)
}

func blockOf(from *networkingv1.IPBlock) (block, error) {
	cidr, err := netip.ParsePrefix(from.CIDR)
	if err != nil {
		return block{}, err
	}
	result := block{cidr: cidr.Masked()}
	for _, text := range from.Except {
		cut, err := netip.ParsePrefix(text)
		if err != nil {
			return block{}, err // rather nothing than too much
		}
		result.except = append(result.except, cut.Masked())
	}
	return result, nil
}

func (b block) contains(address netip.Addr) bool {
	return b.cidr.Contains(address) &&
		!slices.ContainsFunc(b.except, func(cut netip.Prefix) bool { return cut.Contains(address) })
}

// include tells whether a pod is among the peers, be it by its address.
func (p peers) include(each *pod) bool {
	return p.all || slices.Contains(p.pods, each) ||
		slices.ContainsFunc(p.blocks, func(b block) bool { return b.contains(each.address) })
}
