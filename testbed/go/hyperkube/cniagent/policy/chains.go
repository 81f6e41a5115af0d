package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// chains writes the chains of one direction.
type chains struct {
	text    *strings.Builder
	way     direction
	effects []effect
}

// write puts what is jumped to before what jumps there: a chain per policy, one
// per set of policies that selects pods together, and the one that packets
// enter by.
func (c chains) write(pods []*pod, podRange netip.Prefix) {
	for index, each := range c.effects {
		c.chain(c.policy(index), each.accepts)
	}
	var verdicts, itself []string
	var starting []int                // policies of pods that have no address yet
	isolations := map[string]string{} // set of policies -> its chain
	for _, each := range pods {
		if !each.local {
			continue
		}
		selecting := c.selecting(each)
		if !each.address.IsValid() {
			starting = append(starting, selecting...)
			continue
		}
		if len(selecting) == 0 {
			verdicts = append(verdicts, fmt.Sprintf("%s : accept", each.address))
			continue
		}
		set := fmt.Sprint(selecting)
		if isolations[set] == "" {
			isolations[set] = fmt.Sprintf("%s_isolated_%d", c.way.name, len(isolations))
			c.isolation(isolations[set], selecting)
		}
		verdicts = append(verdicts, fmt.Sprintf("%s : goto %s", each.address, isolations[set]))
		itself = append(itself, fmt.Sprintf("%[1]s . %[1]s", each.address))
	}
	lines := []string{
		"type filter hook forward priority filter; policy accept;",
		"ct state established,related accept",
	}
	if len(itself) > 0 { // by way of a service; a pod is never kept from itself
		lines = append(lines, fmt.Sprintf("ip saddr . ip daddr { %s } accept", strings.Join(itself, ", ")))
	}
	if len(verdicts) > 0 {
		lines = append(lines, fmt.Sprintf("ip %s vmap { %s }", c.way.own, strings.Join(verdicts, ", ")))
	}
	if len(starting) > 0 && podRange.IsValid() {
		// A pod's address is told about a second after its containers started,
		// but it must be isolated from the first moment. Until then an address
		// that nobody has is taken for that of any pod that starts.
		slices.Sort(starting)
		c.isolation(c.way.name+"_starting", slices.Compact(starting))
		lines = append(lines, fmt.Sprintf("ip %s %s goto %s_starting", c.way.own, podRange, c.way.name))
	}
	c.chain(c.way.name, lines)
}

// selecting are the policies that isolate a pod.
func (c chains) selecting(one *pod) []int {
	var found []int
	for index, each := range c.effects {
		if slices.Contains(each.selected, one) {
			found = append(found, index)
		}
	}
	return found
}

func (c chains) policy(index int) string { return fmt.Sprintf("%s_policy_%d", c.way.name, index) }

// isolation lets through what any of the policies allows, and nothing else.
func (c chains) isolation(name string, selecting []int) {
	var lines, names []string
	for _, index := range selecting {
		lines = append(lines, "jump "+c.policy(index))
		names = append(names, c.effects[index].policy)
	}
	const longest = 120 // nft allows 128
	comment := strings.Join(names, ", ")
	comment = comment[:min(len(comment), longest)]
	c.chain(name, append(lines, fmt.Sprintf("counter drop comment \"%s\"", comment)))
}

// chain puts the closing brace on a line of its own: nft 1.0.6 refuses it
// behind a verdict.
func (c chains) chain(name string, lines []string) {
	fmt.Fprintf(c.text, "\tchain %s {\n", name)
	for _, line := range lines {
		fmt.Fprintf(c.text, "\t\t%s\n", line)
	}
	c.text.WriteString("\t}\n")
}
