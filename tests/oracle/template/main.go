// The oracle renders templates as Sealed Secrets does: one JSON object a line in, one a
// line out.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// Byte slices travel as base64, so that any bytes can be asked about.
type question struct {
	Name string            `json:"name"`
	Text []byte            `json:"text"`
	Data map[string][]byte `json:"data"`
}

type answer struct {
	Output []byte   `json:"output"`
	Error  []byte   `json:"error"`
	Names  []string `json:"names,omitempty"`
}

// What reads the controller's own environment, Sealed Secrets takes away.
var removed = []string{"env", "expandenv", "getHostByName"}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range removed {
		delete(all, name)
	}
	return all
}

func render(q question) (a answer) {
	defer func() {
		if cause := recover(); cause != nil {
			a = answer{Error: []byte(fmt.Sprint("panic: ", cause))}
		}
	}()
	parsed, err := template.New(q.Name).Funcs(functions()).Parse(string(q.Text))
	if err != nil {
		return answer{Error: []byte(err.Error())}
	}
	data := map[string]string{}
	for key, value := range q.Data {
		data[key] = string(value)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return answer{Error: []byte(err.Error())}
	}
	return answer{Output: out.Bytes()}
}

func names() answer {
	var all []string
	for name := range functions() {
		all = append(all, name)
	}
	sort.Strings(all)
	return answer{Names: all}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for in.More() {
		var q question
		must(in.Decode(&q))
		if q.Name == "" {
			must(encoder.Encode(names()))
			continue
		}
		must(encoder.Encode(render(q)))
	}
	must(out.Flush())
}
