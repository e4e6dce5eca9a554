// The oracle answers for Go: expressions, JSON written again, cron; a JSON object a line.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/robfig/cron/v3"
)

// Byte slices travel as base64, so that any bytes can be asked about.
type question struct {
	Op       string `json:"op"`
	Pattern  []byte `json:"pattern"`
	Text     []byte `json:"text"`
	Template []byte `json:"template"`
	Numbers  bool   `json:"numbers"`
	HTML     bool   `json:"html"`
	At       int64  `json:"at"`
}

type answer struct {
	OK    bool              `json:"ok"`
	Match bool              `json:"match"`
	Text  []byte            `json:"text"`
	Items map[string][]byte `json:"items"`
	At    int64             `json:"at"`
}

func replace(q question) answer {
	expression, err := regexp.Compile(string(q.Pattern))
	if err != nil {
		return answer{}
	}
	text := expression.ReplaceAllString(string(q.Text), string(q.Template))
	return answer{OK: true, Match: expression.MatchString(string(q.Text)), Text: []byte(text)}
}

func decoded(q question) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(q.Text))
	if q.Numbers {
		decoder.UseNumber()
	}
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one value")
	}
	return value, nil
}

func written(value any, html bool) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(html)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}

func marshal(q question) answer {
	value, err := decoded(q)
	if err != nil {
		return answer{}
	}
	text, err := written(value, q.HTML)
	return answer{OK: err == nil, Text: text}
}

// members gives each member of a map as the value of a key.
func members(q question) answer {
	value, err := decoded(q)
	object, isObject := value.(map[string]any)
	if err != nil || !isObject {
		return answer{}
	}
	items := map[string][]byte{}
	for key, member := range object {
		switch typed := member.(type) {
		case string:
			items[key] = []byte(typed)
		case float64:
			items[key] = []byte(strconv.FormatFloat(typed, 'f', -1, 64))
		case json.Number:
			items[key] = []byte(typed.String())
		case nil:
			items[key] = nil
		default:
			if items[key], err = json.Marshal(member); err != nil {
				return answer{}
			}
		}
	}
	return answer{OK: true, Items: items}
}

// next gives the first firing after a moment; 0 for none.
func next(q question) answer {
	schedule, err := cron.ParseStandard(string(q.Pattern))
	if err != nil {
		return answer{}
	}
	at := schedule.Next(time.Unix(q.At, 0).UTC())
	if at.IsZero() {
		return answer{OK: true}
	}
	return answer{OK: true, At: at.Unix()}
}

func main() {
	operations := map[string]func(question) answer{
		"replace": replace, "marshal": marshal, "members": members, "next": next,
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<24)
	output := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := output.Encode(operations[q.Op](q)); err != nil {
			os.Exit(1)
		}
	}
}
