package policy

import (
	"strings"
	"testing"
)

const denyAll = `{podSelector: {}, policyTypes: [Ingress, Egress]}`

func TestPodsThatAreLeftOut(t *testing.T) {
	text := rulesFor(t, `
- {namespace: shop, name: api, node: here, ip: 10.0.0.2}
- {namespace: shop, name: done, node: here, ip: 10.0.0.5, phase: Succeeded}
- {namespace: shop, name: broken, node: here, ip: 10.0.0.6, phase: Failed}
- {namespace: shop, name: host, node: here, ip: 172.18.0.2, hostNetwork: true}
- {namespace: shop, name: unscheduled}
`, `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`)
	expect(t, text, "ingress_policy_0", "ip saddr { 10.0.0.2 } accept")
	expect(t, text, "ingress",
		"type filter hook forward priority filter; policy accept;",
		"ct state established,related accept",
		"ip saddr . ip daddr { 10.0.0.2 . 10.0.0.2 } accept",
		"ip daddr vmap { 10.0.0.2 : goto ingress_isolated_0 }")
}

func TestAddressOfAnother(t *testing.T) {
	// The address of the pod that ended, and the one of a pod that was lost with
	// its node, are those of the pod that has them now.
	text := rulesFor(t, `
- {namespace: shop, name: ended, node: here, ip: 10.0.0.2, phase: Succeeded, labels: {role: client}}
- {namespace: shop, name: lost, node: gone, ip: 10.0.0.3, age: 9, labels: {role: client}}
- {namespace: shop, name: a, node: here, ip: 10.0.0.2, labels: {role: other}}
- {namespace: shop, name: b, node: here, ip: 10.0.0.3, age: 1, labels: {role: other}}
`, `{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}, {from: [{podSelector: {matchLabels: {role: other}}}]}]}`)
	expect(t, text, "ingress_policy_0", "ip saddr { 10.0.0.2, 10.0.0.3 } accept")
	if strings.Count(chain(text, "ingress")[3], "10.0.0.3 :") != 1 {
		t.Error(text)
	}
}

func TestPodThatStarts(t *testing.T) {
	pods := `
- {namespace: shop, name: api, node: here, ip: 10.0.0.2, labels: {app: api}}
- {namespace: shop, name: new, node: here, phase: Pending, labels: {app: new}}
- {namespace: shop, name: elsewhere, node: there, phase: Pending, labels: {app: new}}
`
	// An address that nobody has yet is taken for the new pod's, in the
	// direction in which that one is isolated.
	text := rulesFor(t, pods, `{podSelector: {matchLabels: {app: new}}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}`)
	expect(t, text, "egress_starting", "jump egress_policy_0", `counter drop comment "shop/a"`)
	expect(t, text, "egress",
		"type filter hook forward priority filter; policy accept;",
		"ct state established,related accept",
		"ip saddr vmap { 10.0.0.2 : accept }",
		"ip saddr 10.0.0.0/24 goto egress_starting")
	expect(t, text, "ingress")
	// Where only pods with an address are isolated, nothing is held back.
	text = rulesFor(t, pods, `{podSelector: {matchLabels: {app: api}}}`)
	expect(t, text, "ingress_starting")
}

func TestBothDirectionsOfOnePod(t *testing.T) {
	text := rulesFor(t, world, denyAll)
	for _, way := range []string{"ingress", "egress"} {
		expect(t, text, way+"_isolated_0", "jump "+way+"_policy_0", `counter drop comment "shop/a"`)
	}
	if !strings.Contains(text, "ip saddr vmap { 10.0.0.2 : goto egress_isolated_0") {
		t.Error(text)
	}
}
