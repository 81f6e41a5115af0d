//go:build !kubernetes_1_29

package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubeadm "k8s.io/kubernetes/cmd/kubeadm/app"
	kubeadmutil "k8s.io/kubernetes/cmd/kubeadm/app/util/errors"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// What versions of Kubernetes call in different ways: here the newer ones.

func newKubelet() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }

func runKubeadm() int { kubeadmutil.HandleError(kubeadm.Run()); return 0 }

// setKubectlVerbosity comes before the command is built, because building it
// already logs (plug-ins, preferences file).
func setKubectlVerbosity() { _, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) }
