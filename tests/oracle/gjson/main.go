// The oracle answers for Go: one JSON object a line in, one a line out.
package main

import (
	"bufio"
	"crypto/sha3"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/tidwall/gjson"
)

// Byte slices travel as base64, so that any bytes can be asked about.
type question struct {
	Op    string `json:"op"`
	Input []byte `json:"input"`
	Path  []byte `json:"path"`
}

type answer struct {
	OK    bool              `json:"ok"`
	Raw   []byte            `json:"raw"`
	Text  []byte            `json:"text"`
	Items map[string][]byte `json:"items"`
	Panic string            `json:"panic,omitempty"`
}

type metadata struct {
	annotations map[string]string
	labels      map[string]string
}

func get(input, path []byte) answer {
	result := gjson.Get(string(input), string(path))
	return answer{OK: result.Exists(), Raw: []byte(result.Raw), Text: []byte(result.String())}
}

// extract takes the members of an object: strings as text, anything else as it stands.
func extract(input []byte) answer {
	members := map[string]json.RawMessage{}
	if json.Unmarshal(input, &members) != nil {
		return answer{}
	}
	items := map[string][]byte{}
	for key, raw := range members {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			items[key] = []byte(text)
		} else {
			items[key] = raw
		}
	}
	return answer{OK: true, Items: items}
}

func decode(encoding *base64.Encoding, input []byte) answer {
	text, err := encoding.DecodeString(string(input))
	return answer{OK: err == nil, Text: text}
}

func printed(value any) answer {
	sum := sha3.Sum224([]byte(fmt.Sprintf("%+v", value)))
	return answer{OK: true, Text: []byte(hex.EncodeToString(sum[:]))}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ask(q question) (a answer) {
	defer func() {
		if cause := recover(); cause != nil {
			a = answer{Panic: fmt.Sprint(cause)}
		}
	}()
	switch q.Op {
	case "get":
		return get(q.Input, q.Path)
	case "extract":
		return extract(q.Input)
	case "base64":
		return decode(base64.StdEncoding, q.Input)
	case "base64url":
		return decode(base64.URLEncoding, q.Input)
	case "data-hash":
		data := map[string][]byte{}
		must(json.Unmarshal(q.Input, &data))
		return printed(data)
	case "metadata-hash":
		strings := map[string]map[string]string{}
		must(json.Unmarshal(q.Input, &strings))
		return printed(metadata{strings["annotations"], strings["labels"]})
	}
	panic("no such op: " + q.Op)
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for in.More() {
		var q question
		must(in.Decode(&q))
		must(encoder.Encode(ask(q)))
	}
	must(out.Flush())
}
