package signetverify

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// askAgain is the time between two failed questions on behalf of a token that
	// may not be judged by old data.
	askAgain = time.Second
	// mostFeedBytes: an issuer without pages sends the whole list in one response.
	mostFeedBytes = 64 << 20
)

// askSoon starts a question on behalf of a token that may not be judged by old
// data; all such tokens share one. It returns nil if there was a failure just now.
func (f *follower) askSoon() chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil || f.settings.clock.even()-f.askedInVainAt < askAgain {
		return nil
	}
	if f.asking == nil {
		f.asking = make(chan struct{})
		go f.ask(f.asking)
	}
	return f.asking
}

func (f *follower) ask(done chan struct{}) {
	how := f.poll()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.askedInVainAt = longAgo
	if how == failed {
		f.askedInVainAt = f.settings.clock.even()
	}
	f.asking = nil
	close(done)
}

func (f *follower) askNow(ctx context.Context) {
	done := f.askSoon()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	case <-f.ctx.Done():
	}
}

// poll asks for one page after another until the list is complete.
func (f *follower) poll() result {
	err := f.askPages()
	if err != nil {
		f.noteError(asFault(f.ctx, f.settings.feedURL, err))
		return failed
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// An event stream of the former list has no more use.
	if f.line != nil && f.line.at.life != f.list.position().life {
		f.line.limit.end(errors.New("follows a list that started over"))
	}
	f.setMode(ModePolling)
	return polled
}

// pollAnswer is the kind of an answer to a poll.
type pollAnswer int

const (
	firstQuestion pollAnswer = iota
	moreFollows
	lastPage
	startsOver
)

func (f *follower) askPages() error {
	count := 0
	for answer := firstQuestion; answer != lastPage; {
		var err error
		if answer, err = f.askPage(answer); err != nil {
			return err
		}
		if answer == startsOver {
			count++
		}
		if count > 1 {
			return fault(f.settings.feedURL, "starts over at each answer")
		}
	}
	return nil
}

// askPage asks for the next page. before is the kind of the answer before.
func (f *follower) askPage(before pollAnswer) (pollAnswer, error) {
	f.mu.Lock()
	asked, tag, isWhole := f.list.position(), f.tag, f.list.isWhole()
	f.mu.Unlock()
	address, etag, mostBytes := f.settings.feedURL, "", int64(mostFeedBytes)
	if asked.after != nil {
		address += separator(address) + "after=" + url.QueryEscape(*asked.after)
		if tag.after == *asked.after {
			etag = tag.etag
		}
		// Only an issuer with pages leaves a list in the middle.
		if before == moreFollows || !isWhole {
			mostBytes = mostPageBytes
		}
	}
	askedAt := momentOf(f.settings.clock)
	answer, err := f.client.get(f.ctx, address, etag, mostBytes)
	if err != nil {
		return firstQuestion, err
	}
	saidAt := askedAt.earlier(timeInCaches(answer.header))
	if !answer.changed {
		return f.unchanged(asked, saidAt), nil
	}
	page, err := parsePage(address, answer.value, len(answer.text), asked)
	if err != nil {
		return firstQuestion, err
	}
	return f.takeAnswer(asked, page, saidAt, answer.header), nil
}

func separator(address string) string {
	if strings.Contains(address, "?") {
		return "&"
	}
	return "?"
}

func (f *follower) unchanged(asked position, saidAt moment) pollAnswer {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hear(asked, &saidAt)
	if f.list.isWhole() {
		return lastPage
	}
	return moreFollows
}

func (f *follower) takeAnswer(asked position, page feedPage, saidAt moment, header http.Header) pollAnswer {
	_, did := f.take(ModePolling, asked, page, &saidAt)
	if did == startOver {
		return startsOver
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tag = entityTag{}
	if etag := header.Get("ETag"); asked.after != nil && *asked.after == page.cursor && etag != "" {
		f.tag = entityTag{after: page.cursor, etag: etag}
	}
	// Another connection may have completed the list, or made it start over.
	if f.list.isWhole() && (did == outdated || !page.hasMore) {
		return lastPage
	}
	return moreFollows
}

// parsePage refuses what is no page of a feed, and a cursor that would be asked
// for without end. Its errors are *requestFault.
func parsePage(address string, value any, length int, asked position) (feedPage, error) {
	page, err := readFeed(value, length)
	if err != nil {
		return feedPage{}, fault(address, "%s", err)
	}
	if page.hasMore && asked.after != nil && isSameCursor(page.cursor, *asked.after) {
		return feedPage{}, fault(address, "says that more follows, and its cursor does not grow")
	}
	return page, nil
}
