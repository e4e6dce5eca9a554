//go:build tools

// Package tools pins the programs that the tests build; it is never compiled.
package tools

import (
	_ "github.com/external-secrets/external-secrets"
)
