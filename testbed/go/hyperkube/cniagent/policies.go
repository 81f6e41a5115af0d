package cniagent

import (
	"context"
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"ket.testbed/hyperkube/cniagent/policy"
)

const (
	// settle is how long changes are gathered: a Deployment's pods or a chart's
	// policies come together.
	settle = 50 * time.Millisecond
	// retryAfter is how soon a load that failed is tried again.
	retryAfter = time.Second
)

// enforcer keeps the node's packet filter in line with NetworkPolicies. It runs
// beside the agent's loop: neither waits for the other's objects.
type enforcer struct {
	nodeName   string
	nodes      corelisters.NodeLister
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	synced     []cache.InformerSynced
	changed    wakeup
	loaded     string // the rules of the last load
	stale      bool   // they may be in force no longer: load them again
}

// newEnforcer asks for the informers that it needs; the factory starts later.
func newEnforcer(nodeName string, factory informers.SharedInformerFactory) (*enforcer, error) {
	core := factory.Core().V1()
	policies := factory.Networking().V1().NetworkPolicies()
	e := &enforcer{
		nodeName:   nodeName,
		nodes:      core.Nodes().Lister(),
		pods:       core.Pods().Lister(),
		namespaces: core.Namespaces().Lister(),
		policies:   policies.Lister(),
		changed:    newWakeup(),
	}
	// Nodes are left out: their heartbeats would wake this up, and the range of
	// pods is known before there are any.
	for _, informer := range []cache.SharedIndexInformer{
		core.Pods().Informer(), core.Namespaces().Informer(), policies.Informer(),
	} {
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { e.changed.send() },
			UpdateFunc: func(any, any) { e.changed.send() },
			DeleteFunc: func(any) { e.changed.send() },
		})
		if err != nil {
			return nil, err
		}
		e.synced = append(e.synced, registration.HasSynced)
	}
	e.synced = append(e.synced, core.Nodes().Informer().HasSynced)
	return e, nil
}

// loop ends with its context. Rules of an agent that ran before stay until all
// objects are known: half of them would open what must be closed.
func (e *enforcer) loop(ctx context.Context) {
	if !cache.WaitForCacheSync(ctx.Done(), e.synced...) {
		return
	}
	ticker := time.NewTicker(resyncEvery)
	defer ticker.Stop()
	for {
		if err := e.sync(ctx); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "network policies failed, trying again")
			time.AfterFunc(retryAfter, e.changed.send)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.stale = true // what was removed by hand comes back
		case <-e.changed:
			select {
			case <-ctx.Done():
				return
			case <-time.After(settle):
			}
		}
	}
}

// sync loads the rules for the objects as they are, if they differ.
func (e *enforcer) sync(ctx context.Context) error {
	e.changed.clear()
	state, err := e.state()
	if err != nil {
		return err
	}
	rules, invalid := policy.Rules(state)
	if rules == e.loaded && !e.stale {
		return nil
	}
	if invalid != nil { // a retry would change nothing
		klog.ErrorS(invalid, "parts of network policies allow nothing")
	}
	e.stale = true // until this load is through
	start := time.Now()
	if err := applyRules(ctx, rules); err != nil {
		return err
	}
	if rules != e.loaded {
		klog.InfoS("network policies loaded", "policies", len(state.Policies), "bytes", len(rules), "took", time.Since(start))
	}
	e.loaded, e.stale = rules, false
	return nil
}

func (e *enforcer) state() (policy.State, error) {
	state := policy.State{NodeName: e.nodeName}
	var err error
	if state.Policies, err = e.policies.List(labels.Everything()); err != nil {
		return state, err
	}
	if state.Namespaces, err = e.namespaces.List(labels.Everything()); err != nil {
		return state, err
	}
	if state.Pods, err = e.pods.List(labels.Everything()); err != nil {
		return state, err
	}
	node, err := e.nodes.Get(e.nodeName)
	if err != nil {
		return state, err
	}
	if cidr := podCIDR(node); cidr != nil {
		state.PodRange, err = netip.ParsePrefix(cidr.String())
	}
	return state, err
}
