// The oracle renders templates as Sealed Secrets does, or as External Secrets Operator's
// engine v2: one JSON object a line in, one a line out. sprig, Go's own packages and the
// libraries that the operator uses do the work; only what it wraps around them is written
// again here.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// Byte slices travel as base64, so that any bytes can be asked about.
type question struct {
	Name string            `json:"name"`
	Text []byte            `json:"text"`
	Data map[string][]byte `json:"data"`
	// Map asks for the rendered text as a map of strings.
	Map bool `json:"map"`
	// Sealed asks for Sealed Secrets' functions, and its leniency.
	Sealed bool `json:"sealed"`
}

type answer struct {
	Output []byte   `json:"output"`
	Error  []byte   `json:"error"`
	Names  []string `json:"names,omitempty"`
}

// A type of its own, as in the operator's copy of sprig: only a constant passes for it.
type algorithm string

func htpasswd(hash func(string) string) any {
	return func(user, password string, kind algorithm) string {
		switch {
		case strings.Contains(user, ":"):
			return "invalid username: " + user
		case kind == "sha":
			sum := sha1.Sum([]byte(password))
			return user + ":{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
		}
		return user + ":" + hash(password)
	}
}

func hexdec(text string) string {
	data, err := hex.DecodeString(text)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func toYaml(value any) string {
	data, err := yaml.Marshal(value)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(data), "\n")
}

func fromYaml(text string) map[string]any {
	found := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &found); err != nil {
		found["Error"] = err.Error()
	}
	return found
}

// What reads the controller's own environment, both take away.
var removed = []string{"env", "expandenv", "getHostByName"}

func functions(sealed bool) template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range removed {
		delete(all, name)
	}
	if sealed {
		return all
	}
	all["htpasswd"] = htpasswd(all["bcrypt"].(func(string) string))
	all["hexdec"] = hexdec
	all["toYaml"] = toYaml
	all["fromYaml"] = fromYaml
	for name, function := range keyFunctions {
		all[name] = function
	}
	return all
}

func render(q question) (a answer) {
	defer func() {
		if cause := recover(); cause != nil {
			a = answer{Error: []byte(fmt.Sprint("panic: ", cause))}
		}
	}()
	missing := "missingkey=error"
	if q.Sealed {
		missing = "missingkey=default"
	}
	parsed, err := template.New(q.Name).
		Option(missing).
		Funcs(functions(q.Sealed)).
		Parse(string(q.Text))
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
	if !q.Map {
		return answer{Output: out.Bytes()}
	}
	found := map[string]string{}
	if err := yaml.Unmarshal(out.Bytes(), &found); err != nil {
		return answer{Error: []byte(err.Error())}
	}
	flat, err := json.Marshal(found)
	must(err)
	return answer{Output: flat}
}

func names(sealed bool) answer {
	var all []string
	for name := range functions(sealed) {
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
			must(encoder.Encode(names(q.Sealed)))
			continue
		}
		must(encoder.Encode(render(q)))
	}
	must(out.Flush())
}
