package signetverify

import (
	"errors"
	"net/http"
	"regexp"
	"time"
)

// stream follows events until the connection ends.
func (f *follower) stream() result {
	limit := limitTime(f.ctx, requestTimeout)
	defer limit.stop()
	line := f.openLine(limit)
	defer f.forgetLine()
	response, err := f.askForEvents(line)
	if err != nil {
		return f.streamFailed(line, err)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusTooManyRequests {
		return busy
	}
	if !isEventStream(response) {
		return unsupported
	}
	err = readEvents(response.Body, func(event *serverEvent) error { return f.takeEvent(line, event) })
	if errors.Is(err, errStop) || (err != nil && f.streamFailed(line, err) == ended) {
		return ended
	}
	return line.howItEnded()
}

func (l *eventLine) howItEnded() result {
	switch {
	// Some proxies hold a stream back. Polling gets through them.
	case l.limit.ctx.Err() != nil && l.heardAt.IsZero():
		return unsupported
	case l.heardAt.IsZero() || time.Since(l.heardAt) < shortestStream:
		return cutShort
	default:
		return ended
	}
}

func (f *follower) openLine(limit *timeLimit) *eventLine {
	asked := momentOf(f.settings.clock)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line = &eventLine{limit: limit, at: f.list.position(), hasMore: true, askedAt: &asked}
	return f.line
}

func (f *follower) forgetLine() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.line = nil
}

// streamFailed notes the error of a stream, unless the stream followed a list
// that is no more.
func (f *follower) streamFailed(line *eventLine, err error) result {
	f.mu.Lock()
	defer f.mu.Unlock()
	if line.at.life != f.list.position().life {
		return ended
	}
	f.lastError = asFault(line.limit.ctx, f.settings.feedURL, err).Error()
	return failed
}

func (f *follower) askForEvents(line *eventLine) (*http.Response, error) {
	header := map[string]string{"Accept": "text/event-stream"}
	if line.at.after != nil {
		header["Last-Event-ID"] = *line.at.after
	}
	return f.client.send(line.limit.ctx, f.settings.feedURL, header)
}

var eventStreamType = regexp.MustCompile(`^text/event-stream\b`)

func isEventStream(response *http.Response) bool {
	return response.StatusCode == http.StatusOK && eventStreamType.MatchString(response.Header.Get("Content-Type"))
}

// takeEvent returns errStop if the follower has to connect again. event is nil
// for a sign of life.
func (f *follower) takeEvent(line *eventLine, event *serverEvent) error {
	if event == nil || event.name != "blacklist" {
		if !f.hearAlive(line) {
			return errStop
		}
	} else if err := f.takePage(line, event.data); err != nil {
		return err
	}
	if !line.heardAt.IsZero() {
		line.limit.extend(mostSilence)
	}
	return nil
}

func (f *follower) hearAlive(line *eventLine) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return line.hasMore || f.hear(line.at, nil)
}

func (f *follower) takePage(line *eventLine, data []byte) error {
	value, err := decodeJSON(data)
	if err != nil {
		return fault(f.settings.feedURL, "sent an event that is not JSON")
	}
	page, err := parsePage(f.settings.feedURL, value, len(data), line.at)
	if err != nil {
		return err
	}
	next, did := f.take(ModeEvents, line.at, page, line.askedAt)
	if did != applied {
		return errStop
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	line.at, line.hasMore = next, page.hasMore
	// The first pages are as old as the request. Later pages are sent when
	// something changes.
	if !page.hasMore {
		line.askedAt = nil
	}
	if line.heardAt.IsZero() {
		line.heardAt = time.Now()
	}
	return nil
}
