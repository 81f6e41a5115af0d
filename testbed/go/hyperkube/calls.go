//go:build !kubernetes_1_29

package main

import (
	"context"

	"github.com/spf13/cobra"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubeadmutil "k8s.io/kubernetes/cmd/kubeadm/app/util/errors"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// What versions of Kubernetes call in different ways: here the newer ones.

func newKubelet() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }

func runKubeadm() int { kubeadmutil.HandleError(kubeadm.Run()); return 0 }
