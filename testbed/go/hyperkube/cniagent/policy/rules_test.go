package policy

import (
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// world has a node `here` with an api, a database and a client, and a client
// of another namespace elsewhere.
const world = `
- {namespace: shop, name: api, node: here, ip: 10.0.0.2, labels: {app: api}, ports: {http: 8080}}
- {namespace: shop, name: db, node: here, ip: 10.0.0.3, labels: {app: db}, ports: {http: 5432}}
- {namespace: shop, name: client, node: here, ip: 10.0.0.4, labels: {role: client}}
- {namespace: shop, name: far, node: there, ip: 10.0.1.2, labels: {role: client}, ports: {http: 9000}}
- {namespace: other, name: client, node: there, ip: 10.0.1.3, labels: {role: client}}
- {namespace: other, name: idle, node: there, ip: 10.0.1.4, labels: {}}
`

// spec is a pod in short.
type spec struct {
	Namespace, Name, Node, IP, Phase string
	HostNetwork                      bool
	Age                              int64 // the higher the older
	Labels                           map[string]string
	Ports                            map[string]int32
}

func podsFrom(t *testing.T, text string) []*corev1.Pod {
	t.Helper()
	var specs []spec
	if err := yaml.UnmarshalStrict([]byte(text), &specs); err != nil {
		t.Fatal(err)
	}
	var pods []*corev1.Pod
	for _, each := range specs {
		one := &corev1.Pod{}
		one.Namespace, one.Name, one.Labels = each.Namespace, each.Name, each.Labels
		one.CreationTimestamp.Time = one.CreationTimestamp.Time.AddDate(0, 0, int(-each.Age))
		one.Spec.NodeName, one.Spec.HostNetwork = each.Node, each.HostNetwork
		one.Status.PodIP, one.Status.Phase = each.IP, corev1.PodPhase(each.Phase)
		container := corev1.Container{}
		for name, number := range each.Ports {
			container.Ports = append(container.Ports, corev1.ContainerPort{Name: name, ContainerPort: number})
		}
		one.Spec.Containers = []corev1.Container{container}
		pods = append(pods, one)
	}
	return pods
}

func policyFrom(t *testing.T, text string) *networkingv1.NetworkPolicy {
	t.Helper()
	one := &networkingv1.NetworkPolicy{}
	one.Namespace, one.Name = "shop", "policy"
	if err := yaml.UnmarshalStrict([]byte(text), &one.Spec); err != nil {
		t.Fatal(err)
	}
	return one
}

func namespaces() []*corev1.Namespace {
	var list []*corev1.Namespace
	for name, team := range map[string]string{"shop": "sales", "other": "research"} {
		one := &corev1.Namespace{}
		one.Name, one.Labels = name, map[string]string{"team": team}
		list = append(list, one)
	}
	return list
}

func rulesFor(t *testing.T, pods string, policies ...string) string {
	t.Helper()
	state := State{
		NodeName:   "here",
		PodRange:   netip.MustParsePrefix("10.0.0.0/24"),
		Pods:       podsFrom(t, pods),
		Namespaces: namespaces(),
	}
	for index, text := range policies {
		one := policyFrom(t, text)
		one.Name = string(rune('a' + index))
		state.Policies = append(state.Policies, one)
	}
	text, err := Rules(state)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// chain is the lines of one chain, nil where there is none.
func chain(text, name string) []string {
	_, rest, found := strings.Cut(text, "\tchain "+name+" {\n")
	if !found {
		return nil
	}
	body, _, _ := strings.Cut(rest, "\t}\n")
	lines := []string{}
	for line := range strings.Lines(body) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

func expect(t *testing.T, text, name string, want ...string) {
	t.Helper()
	got := chain(text, name)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("chain %s is\n  %s\nwanted\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestNoPolicyFiltersNothing(t *testing.T) {
	want := head + "table ip ket_policies {\n}\n"
	if got := rulesFor(t, world); got != want {
		t.Errorf("got %s", got)
	}
	// One that selects no pod of this node is none of its business.
	if got := rulesFor(t, world, `podSelector: {matchLabels: {app: elsewhere}}`); got != want {
		t.Errorf("got %s", got)
	}
}

func TestWholeFile(t *testing.T) {
	want := `table ip ket_policies
delete table ip ket_policies
table ip ket_policies {
	chain ingress_policy_0 {
		ip saddr { 10.0.0.4, 10.0.1.2 } tcp dport { 8080 } accept
	}
	chain ingress_isolated_0 {
		jump ingress_policy_0
		counter drop comment "shop/a"
	}
	chain ingress {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
		ip saddr . ip daddr { 10.0.0.2 . 10.0.0.2 } accept
		ip daddr vmap { 10.0.0.2 : goto ingress_isolated_0, 10.0.0.4 : accept, 10.0.0.3 : accept }
	}
}
`
	got := rulesFor(t, world, `
podSelector: {matchLabels: {app: api}}
ingress: [{from: [{podSelector: {matchLabels: {role: client}}}], ports: [{port: 8080}]}]
`)
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestTypes(t *testing.T) {
	cases := []struct {
		name, policy    string
		ingress, egress bool
	}{
		{"nothing given isolates ingress", `podSelector: {}`, true, false},
		{"egress rules without types isolate both", `{podSelector: {}, egress: [{}]}`, true, true},
		{"egress alone", `{podSelector: {}, policyTypes: [Egress]}`, false, true},
		{"rules of a type that is not given count for nothing", `{podSelector: {}, policyTypes: [Egress], ingress: [{}]}`, false, true},
		{"ingress given, with egress rules", `{podSelector: {}, policyTypes: [Ingress], egress: [{}]}`, true, false},
	}
	for _, each := range cases {
		t.Run(each.name, func(t *testing.T) {
			text := rulesFor(t, world, each.policy)
			if got := chain(text, "ingress") != nil; got != each.ingress {
				t.Errorf("ingress is %v", got)
			}
			if got := chain(text, "egress") != nil; got != each.egress {
				t.Errorf("egress is %v", got)
			}
		})
	}
}

func TestSetsOfPolicies(t *testing.T) {
	text := rulesFor(t, world, `podSelector: {}`, `{podSelector: {matchLabels: {app: api}}, ingress: [{}]}`)
	expect(t, text, "ingress_policy_0")
	expect(t, text, "ingress_policy_1", "accept")
	expect(t, text, "ingress_isolated_0",
		"jump ingress_policy_0", "jump ingress_policy_1", `counter drop comment "shop/a, shop/b"`)
	expect(t, text, "ingress_isolated_1", "jump ingress_policy_0", `counter drop comment "shop/a"`)
	if verdicts := chain(text, "ingress")[3]; !strings.Contains(verdicts,
		"10.0.0.2 : goto ingress_isolated_0, 10.0.0.4 : goto ingress_isolated_1, 10.0.0.3 : goto ingress_isolated_1") {
		t.Error(verdicts)
	}
}

func TestEveryPolicyNameFits(t *testing.T) {
	many := make([]string, 20)
	for index := range many {
		many[index] = `podSelector: {}`
	}
	for line := range strings.Lines(rulesFor(t, world, many...)) {
		if _, comment, found := strings.Cut(line, "comment "); found && len(strings.TrimSpace(comment)) > 122 {
			t.Error(line)
		}
	}
}

func TestInvalidSelectorAllowsNothing(t *testing.T) {
	bad := policyFrom(t, `
podSelector: {}
ingress:
  - from:
      - podSelector: {matchExpressions: [{key: app, operator: Wrong}]}
      - ipBlock: {cidr: 192.0.2.0/24}
`)
	text, err := Rules(State{NodeName: "here", Pods: podsFrom(t, world), Policies: []*networkingv1.NetworkPolicy{bad}})
	if err == nil || !strings.Contains(err.Error(), "shop/policy") {
		t.Errorf("error is %v", err)
	}
	expect(t, text, "ingress_policy_0", "ip saddr 192.0.2.0/24 accept")
}
