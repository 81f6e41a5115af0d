// Package cniagent makes the pods of a test cluster reach each other.
//
// It runs on every node, in the node's network, and keeps three things in line
// with the Node objects: the CNI configuration of its own node (conflist.go),
// a route to the pods of every other node (routes.go), and the rule that gives
// pods the node's address when they leave the cluster (masquerade.go). Nodes of
// a Kind cluster share one network, so plain routes are enough. Beside that it
// enforces NetworkPolicies on its node's pods (policies.go). IPv4 only.
package cniagent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// resyncEvery is how often everything is written again even if no Node
// changed, so that a rule or route removed by hand comes back.
const resyncEvery = 30 * time.Second

type agent struct {
	nodeName  string
	podSubnet *net.IPNet
	nodes     corelisters.NodeLister
	changed   wakeup
}

// Run is the program: it returns an exit code and ends on SIGTERM.
func Run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		klog.ErrorS(err, "cni-agent")
		return 1
	}
	return 0
}

func run(ctx context.Context) error {
	_, podSubnet, err := net.ParseCIDR(os.Getenv("POD_SUBNET"))
	if err != nil {
		return fmt.Errorf("POD_SUBNET: %w", err)
	}
	nodeName := os.Getenv("NODE_NAME")
	if nodeName == "" {
		return errors.New("NODE_NAME is not set")
	}
	client, err := newClient()
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim))
	informer := factory.Core().V1().Nodes()
	a := &agent{nodeName: nodeName, podSubnet: podSubnet, nodes: informer.Lister(), changed: newWakeup()}
	_, err = informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { a.changed.send() },
		DeleteFunc: func(any) { a.changed.send() },
		UpdateFunc: func(before, after any) {
			if routing(before) != routing(after) { // a heartbeat is not a change
				a.changed.send()
			}
		},
	})
	if err != nil {
		return err
	}
	policies, err := newEnforcer(nodeName, factory)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	go policies.loop(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		return ctx.Err()
	}
	return a.loop(ctx)
}

// newClient talks to the control plane by its own address where that is given:
// service addresses work only once kube-proxy runs, which may be later.
func newClient() (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + endpoint
	}
	return kubernetes.NewForConfig(config)
}

func (a *agent) loop(ctx context.Context) error {
	ticker := time.NewTicker(resyncEvery)
	defer ticker.Stop()
	for {
		if err := a.sync(ctx); err != nil {
			klog.ErrorS(err, "sync failed, trying again")
			time.AfterFunc(time.Second, a.changed.send)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		case <-a.changed:
		}
	}
}

// routing is the part of a Node that routes depend on.
func routing(object any) string {
	node, ok := object.(*corev1.Node)
	if !ok {
		return ""
	}
	return fmt.Sprint(podCIDR(node), internalIP(node))
}

// slim drops what is half of an object and of no use here.
func slim(object any) (any, error) {
	if each, err := meta.Accessor(object); err == nil {
		each.SetManagedFields(nil)
	}
	return object, nil
}
