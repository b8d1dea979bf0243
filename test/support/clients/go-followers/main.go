// Many verifiers that follow one issuer. Each line of the input asks all of them
// about a token, and each line of the output is their answer, as JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"strconv"
	"sync"
	"time"

	"signet.example/signetverify"
)

// question asks for the verdict on a token. With Since, in milliseconds since
// the epoch, it is asked again until the verdict is no longer good.
type question struct {
	Token string  `json:"token"`
	Since float64 `json:"since"`
}

// answer has the last verdict of a follower, and the milliseconds since Since.
type answer struct {
	Verdict string  `json:"verdict"`
	Delay   float64 `json:"delay"`
}

const (
	good    = "good"
	between = 5 * time.Millisecond
	longest = 3 * time.Second
)

func main() {
	count, err := strconv.Atoi(os.Getenv("FOLLOWERS"))
	if err != nil {
		log.Fatal(err)
	}
	followers := make([]*signetverify.Verifier, count)
	for at := range followers {
		if followers[at], err = open(); err != nil {
			log.Fatal(err)
		}
	}
	input, output := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var asked question
		if err := input.Decode(&asked); err != nil {
			return
		}
		if err := output.Encode(askAll(followers, asked)); err != nil {
			log.Fatal(err)
		}
	}
}

func open() (*signetverify.Verifier, error) {
	return signetverify.New(signetverify.Options{
		Issuer: os.Getenv("ISSUER"), Audience: os.Getenv("AUDIENCE"), Name: "orders-api",
		Revocations: true, FeedURL: os.Getenv("FEED_URL"),
	})
}

func askAll(followers []*signetverify.Verifier, asked question) []answer {
	answers := make([]answer, len(followers))
	var all sync.WaitGroup
	for at, follower := range followers {
		all.Add(1)
		go func() {
			defer all.Done()
			answers[at] = ask(follower, asked)
		}()
	}
	all.Wait()
	return answers
}

func ask(follower *signetverify.Verifier, asked question) answer {
	since := time.UnixMicro(int64(asked.Since * 1000))
	verdict := judge(follower, asked.Token)
	for asked.Since > 0 && verdict == good && time.Since(since) < longest {
		time.Sleep(between)
		verdict = judge(follower, asked.Token)
	}
	return answer{Verdict: verdict, Delay: float64(time.Since(since).Microseconds()) / 1000}
}

func judge(follower *signetverify.Verifier, token string) string {
	_, err := follower.VerifyToken(context.Background(), token)
	var refused *signetverify.TokenError
	switch {
	case err == nil:
		return good
	case errors.As(err, &refused):
		return string(refused.Code)
	default:
		return err.Error()
	}
}
