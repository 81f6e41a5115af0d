package policy

import "testing"

// What a policy lets through, by the pods of rules_test.go.
func TestAccepts(t *testing.T) {
	cases := []struct {
		name, policy, chain string
		want                []string
	}{
		{
			"pods of the policy's own namespace",
			`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}]}]}`,
			"ingress_policy_0", []string{"ip saddr { 10.0.0.4, 10.0.1.2 } accept"},
		},
		{
			"an empty pod selector is every pod of the namespace",
			`{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`,
			"ingress_policy_0", []string{"ip saddr { 10.0.0.2, 10.0.0.4, 10.0.0.3, 10.0.1.2 } accept"},
		},
		{
			"all pods of namespaces, by an expression",
			`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [sales]}]}}]}]}`,
			"ingress_policy_0", []string{"ip saddr { 10.0.1.3, 10.0.1.4 } accept"},
		},
		{
			"both selectors of one peer must match",
			`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: research}}, podSelector: {matchExpressions: [{key: role, operator: Exists}]}}]}]}`,
			"ingress_policy_0", []string{"ip saddr { 10.0.1.3 } accept"},
		},
		{
			"one of two peers must match",
			`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: research}}}, {podSelector: {matchLabels: {app: db}}}]}]}`,
			"ingress_policy_0", []string{"ip saddr { 10.0.1.3, 10.0.1.4, 10.0.0.3 } accept"},
		},
		{
			"an empty namespace selector is all pods",
			`{podSelector: {}, egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {role: client}}}]}], policyTypes: [Egress]}`,
			"egress_policy_0", []string{"ip daddr { 10.0.1.3, 10.0.0.4, 10.0.1.2 } accept"},
		},
		{
			"a peer that is nobody allows nothing",
			`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: none}}}]}]}`,
			"ingress_policy_0", nil,
		},
		{
			"a block with ranges cut out",
			`{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16]}}]}], policyTypes: [Egress]}`,
			"egress_policy_0", []string{"ip daddr 10.0.0.0/8 ip daddr != 10.1.0.0/16 ip daddr != 10.2.0.0/16 accept"},
		},
		{
			"everywhere, and an IPv6 block",
			`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "2001:db8::/32"}}]}]}`,
			"ingress_policy_0", []string{"accept"},
		},
		{
			"ports without a peer, overlaps merged, TCP by default",
			`{podSelector: {}, ingress: [{ports: [{port: 80}, {port: 90, endPort: 95}, {port: 94, endPort: 99}, {port: 53, protocol: UDP}, {port: 7, protocol: SCTP}]}]}`,
			"ingress_policy_0",
			[]string{"tcp dport { 80, 90-99 } accept", "udp dport { 53 } accept", "sctp dport { 7 } accept"},
		},
		{
			"a protocol without a port",
			`{podSelector: {}, ingress: [{ports: [{protocol: UDP}, {port: 80}]}]}`,
			"ingress_policy_0", []string{"tcp dport { 80 } accept", "meta l4proto udp accept"},
		},
		{
			"each peer with each port",
			`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}, {ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}, {port: 53, protocol: UDP}]}]}`,
			"ingress_policy_0",
			[]string{
				"ip saddr { 10.0.0.3 } tcp dport { 80 } accept",
				"ip saddr { 10.0.0.3 } udp dport { 53 } accept",
				"ip saddr 192.0.2.0/24 tcp dport { 80 } accept",
				"ip saddr 192.0.2.0/24 udp dport { 53 } accept",
			},
		},
		{
			"a named port is another number in each selected pod",
			`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {role: client}}}], ports: [{port: http}]}]}`,
			"ingress_policy_0",
			[]string{"ip saddr { 10.0.0.4, 10.0.1.2 } ip daddr . tcp dport { 10.0.0.2 . 8080, 10.0.0.3 . 5432 } accept"},
		},
		{
			"a named port of no selected pod, or of another protocol",
			`{podSelector: {}, ingress: [{ports: [{port: metrics}, {port: http, protocol: UDP}]}]}`,
			"ingress_policy_0", nil,
		},
		{
			"outwards a named port is the peer's",
			`{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}], ports: [{port: http}]}]}`,
			"egress_policy_0",
			[]string{"ip daddr . tcp dport { 10.0.0.2 . 8080, 10.0.0.3 . 5432, 10.0.1.2 . 9000 } accept"},
		},
		{
			"a named port within a block",
			`{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/24}}], ports: [{port: http}]}]}`,
			"egress_policy_0",
			[]string{"ip daddr . tcp dport { 10.0.0.2 . 8080, 10.0.0.3 . 5432 } accept"},
		},
		{
			"an empty rule allows all",
			`{podSelector: {}, egress: [{}]}`,
			"egress_policy_0", []string{"accept"},
		},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			expect(t, rulesFor(t, world, each.policy), each.chain, each.want...)
		})
	}
}
