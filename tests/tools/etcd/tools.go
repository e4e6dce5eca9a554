//go:build tools

// Package tools pins the programs that the tests build; it is never compiled.
package tools

import _ "go.etcd.io/etcd/server/v3"
