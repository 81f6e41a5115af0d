package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ports are what the ports of one rule allow.
type ports struct {
	all       bool
	protocols []corev1.Protocol // every port of them
	numbers   map[corev1.Protocol][]interval
	names     []namedPort
}

type interval struct{ first, last int32 }

type namedPort struct {
	protocol corev1.Protocol
	name     string
}

// The order of protocols in the rules.
var protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}

// rulePorts reads the ports of a rule; an empty list allows all of all protocols.
func rulePorts(list []networkingv1.NetworkPolicyPort) ports {
	found := ports{all: len(list) == 0, numbers: map[corev1.Protocol][]interval{}}
	for _, each := range list {
		protocol := corev1.ProtocolTCP
		if each.Protocol != nil {
			protocol = *each.Protocol
		}
		switch {
		case each.Port == nil:
			found.protocols = append(found.protocols, protocol)
		case each.Port.Type == intstr.String:
			found.names = append(found.names, namedPort{protocol, each.Port.StrVal})
		default:
			last := each.Port.IntVal
			if each.EndPort != nil {
				last = *each.EndPort
			}
			found.numbers[protocol] = append(found.numbers[protocol], interval{each.Port.IntVal, last})
		}
	}
	return found
}

// matches are the expressions for all ports but the named ones; one that is
// empty means any packet.
func (p ports) matches() []string {
	if p.all {
		return []string{""}
	}
	var texts []string
	for _, protocol := range protocols {
		if slices.Contains(p.protocols, protocol) {
			texts = append(texts, "meta l4proto "+lower(protocol))
		} else if numbers := p.numbers[protocol]; len(numbers) > 0 {
			texts = append(texts, fmt.Sprintf("%s dport { %s }", lower(protocol), strings.Join(shown(merged(numbers)), ", ")))
		}
	}
	return texts
}

// merged is the same ports without overlaps, which nft refuses.
func merged(intervals []interval) []interval {
	sorted := slices.SortedFunc(slices.Values(intervals), func(a, b interval) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last))
	})
	var result []interval
	for _, each := range sorted {
		if n := len(result); n > 0 && each.first <= result[n-1].last+1 {
			result[n-1].last = max(result[n-1].last, each.last)
		} else {
			result = append(result, each)
		}
	}
	return result
}

func shown(intervals []interval) []string {
	texts := make([]string, 0, len(intervals))
	for _, each := range intervals {
		if each.first == each.last {
			texts = append(texts, fmt.Sprint(each.first))
		} else {
			texts = append(texts, fmt.Sprintf("%d-%d", each.first, each.last))
		}
	}
	return texts
}

// at is the expression for a named port of these pods: the name may mean
// another number in each of them. Empty where none of them has it.
func (n namedPort) at(pods []*pod) string {
	var places []string
	for _, each := range pods {
		if number := each.port(n.name, n.protocol); number != 0 && each.address.IsValid() {
			places = append(places, fmt.Sprintf("%s . %d", each.address, number))
		}
	}
	if len(places) == 0 {
		return ""
	}
	return fmt.Sprintf("ip daddr . %s dport { %s }", lower(n.protocol), strings.Join(places, ", "))
}

func lower(protocol corev1.Protocol) string { return strings.ToLower(string(protocol)) }
