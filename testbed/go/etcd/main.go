// Command etcd is etcd's own server. It has a main of its own here because
// etcd's module replaces parts of itself and so cannot be installed directly.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
