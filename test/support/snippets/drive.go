// Drives the snippet for Go: reads a command a line, and prints its outcome. Deadlines come nearer instead of the clock.
// A test replaces START by the snippet's constructor, for the client itself or for a person.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

func call(tokens *SignetTokens) any {
	request, err := http.NewRequest("POST", os.Args[1], strings.NewReader("hello"))
	if err != nil {
		return err.Error()
	}
	response, err := tokens.Do(request)
	if err != nil {
		return err.Error()
	}
	response.Body.Close()
	return response.StatusCode
}

func burst(tokens *SignetTokens, count int) []any {
	outcomes := make([]any, count)
	var group sync.WaitGroup
	for at := range outcomes {
		group.Go(func() { outcomes[at] = call(tokens) })
	}
	group.Wait()
	return outcomes
}

func advance(tokens *SignetTokens, seconds int) []any {
	passed := -time.Duration(seconds) * time.Second
	tokens.renewAt, tokens.endsAt = tokens.renewAt.Add(passed), tokens.endsAt.Add(passed)
	return []any{seconds}
}

func main() {
	tokens, err := START
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var name string
		var number int
		fmt.Sscan(lines.Text(), &name, &number)
		outcome := map[string]func() []any{
			"call":    func() []any { return burst(tokens, 1) },
			"burst":   func() []any { return burst(tokens, number) },
			"advance": func() []any { return advance(tokens, number) },
		}[name]()
		text, _ := json.Marshal(outcome)
		fmt.Println(string(text))
	}
}
