//go:build kubernetes_1_29

package main

import (
	"github.com/spf13/cobra"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubeadmutil "k8s.io/kubernetes/cmd/kubeadm/app/util"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// The same as in calls.go for Kubernetes 1.29, whose kubelet takes its context
// from its own signals.

func newKubelet() *cobra.Command { return kubelet.NewKubeletCommand() }

func runKubeadm() int { kubeadmutil.CheckErr(kubeadm.Run()); return 0 }

// setKubectlVerbosity has nothing to do: this kubectl reads its flags itself.
func setKubectlVerbosity() {}
