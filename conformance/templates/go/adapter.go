// An adapter to begin with: it speaks the lines, and can nothing yet.
//
//	go build adapter.go && unisono-conformance doctor -- ./adapter
//
// says what to write next. Copy this file, put your client where Subject is, and fill in one
// operation after another. ADAPTER.md of the suite says what each one means.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Add a word when you have built it: mutations, actions, auth, optimistic, snapshot, state, ...
var features = []string{}

type fields = map[string]any

// Operation is one line of the runner.
type Operation struct {
	Seq    int    `json:"seq"`
	Op     string `json:"op"`
	Client string `json:"client"`
	URL    string `json:"url"`
	Sub    string `json:"sub"`
	Path   string `json:"path"`
	Args   fields `json:"args"`
}

// Unsupported is an operation that is not built yet; saying so is no failure.
type Unsupported struct{ reason string }

func (u Unsupported) Error() string { return u.reason }

// Subject is one client under test.
type Subject struct{ name string }

// Open makes a client and lets it connect.
func Open(name, url string) (*Subject, error) {
	return nil, Unsupported{"make a client for " + url + " here, and let it connect"}
}

// Subscribe follows a query. Whenever your client tells of new results, all of one callback at once:
// emit("update", s.name, fields{"changes": []fields{{"sub": sub, "value": value}}})
func (s *Subject) Subscribe(sub, path string, args fields) error {
	return Unsupported{"subscribe is not built"}
}

// Unsubscribe leaves a query; no update names it afterwards.
func (s *Subject) Unsubscribe(sub string) error { return Unsupported{"unsubscribe is not built"} }

// Close closes the client, for good.
func (s *Subject) Close() error { return Unsupported{"close is not built"} }

var (
	clients = map[string]*Subject{}
	output  sync.Mutex
)

// write writes one line. Nothing else may come out of standard output; log to standard error.
func write(line fields) {
	output.Lock()
	defer output.Unlock()
	text, err := json.Marshal(line)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	os.Stdout.Write(append(text, '\n'))
}

// emit reports something that the application would see.
func emit(event, client string, more fields) {
	line := fields{"ev": event, "client": client}
	for name, value := range more {
		line[name] = value
	}
	write(line)
}

// handle carries out one operation; what it returns goes into its answer.
func handle(op Operation) (fields, error) {
	subject := clients[op.Client]
	switch op.Op {
	case "hello":
		return fields{"name": "my client", "version": "0", "language": "Go", "levels": "L0", "features": features}, nil
	case "bye":
		return nil, nil
	case "open":
		opened, err := Open(op.Client, op.URL)
		if err == nil {
			clients[op.Client] = opened
		}
		return nil, err
	case "close":
		delete(clients, op.Client)
		if subject == nil {
			return nil, nil // closing twice is no error
		}
		return nil, subject.Close()
	case "subscribe":
		return nil, subject.Subscribe(op.Sub, op.Path, op.Args)
	case "unsubscribe":
		return nil, subject.Unsubscribe(op.Sub)
	}
	return nil, Unsupported{op.Op + " is not built"}
}

// main answers every operation once, also an unknown one.
func main() {
	lines := bufio.NewReader(os.Stdin)
	for {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var op Operation
		if err := json.Unmarshal(text, &op); err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		answer, err := handle(op)
		line := fields{"re": op.Seq, "ok": err == nil}
		var missing Unsupported
		if errors.As(err, &missing) {
			line["unsupported"], line["reason"] = true, missing.reason
		} else if err != nil {
			line["error"] = err.Error()
		}
		for name, value := range answer {
			line[name] = value
		}
		write(line)
		if op.Op == "bye" {
			return
		}
	}
}
