// Package ecs refuses to start here: the client of EC2 alone takes minutes and 3 GB of memory to compile.
package ecs

import (
	"errors"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/safe"
)

// Provider stands in the configuration of Traefik, without an option.
type Provider struct{}

// Init says why there is none.
func (*Provider) Init() error { return errors.New("this build has no provider for ECS") }

// Provide is never called, for Init failed.
func (*Provider) Provide(chan<- dynamic.Message, *safe.Pool) error { return nil }
