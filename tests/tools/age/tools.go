//go:build tools

// Package tools pins the programs that the tests build; it is never compiled.
package tools

import (
	_ "filippo.io/age/cmd/age"
	_ "filippo.io/age/cmd/age-keygen"
)
