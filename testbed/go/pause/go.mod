module ket.testbed/pause

go 1.24
