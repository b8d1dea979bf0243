package signetverify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// mostEventBytes: an issuer without pages sends the whole list in one event.
const mostEventBytes = 64 << 20

// serverEvent is a server-sent event.
type serverEvent struct {
	name string
	data []byte
}

// errStop is returned by a handler of events that wants no more.
var errStop = errors.New("no more events are wanted")

// eventReader reads server-sent events (WHATWG HTML section 9.2.6) as they arrive.
type eventReader struct {
	// rest is a line that is not complete.
	rest []byte
	// held is the length of the event that is not complete, or 0.
	held    int
	event   serverEvent
	hasData bool
}

// readEvents calls handle with each event until the stream ends or handle
// returns an error. After other bytes, such as a comment, it calls handle with
// nil if no event is incomplete: the connection is alive, and everything that
// was sent has arrived. The end of the stream is no error.
func readEvents(body io.Reader, handle func(*serverEvent) error) error {
	var reader eventReader
	chunk := make([]byte, 32<<10)
	for {
		count, err := body.Read(chunk)
		if failed := reader.take(chunk[:count], handle); failed != nil {
			return failed
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *eventReader) take(chunk []byte, handle func(*serverEvent) error) error {
	end := bytes.LastIndexByte(chunk, '\n')
	if len(r.rest)+len(chunk) > mostEventBytes {
		return fmt.Errorf("sent a line of more than %d bytes", mostEventBytes)
	}
	if end < 0 {
		r.rest = append(r.rest, chunk...)
		return nil
	}
	lines := append(r.rest, chunk[:end]...)
	r.rest = nil
	for line := range bytes.SplitSeq(lines, []byte("\n")) {
		if err := r.takeLine(bytes.TrimSuffix(line, []byte("\r")), handle); err != nil {
			return err
		}
	}
	if r.rest = append(r.rest, chunk[end+1:]...); len(r.rest) == 0 && r.held == 0 {
		return handle(nil)
	}
	return nil
}

func (r *eventReader) takeLine(line []byte, handle func(*serverEvent) error) error {
	if len(line) > 0 {
		if r.held += len(line); r.held > mostEventBytes {
			return fmt.Errorf("sent an event of more than %d bytes", mostEventBytes)
		}
		r.takeField(line)
		return nil
	}
	event, isWhole := r.event, r.hasData
	r.event, r.hasData, r.held = serverEvent{}, false, 0
	if !isWhole {
		return nil
	}
	return handle(&event)
}

func (r *eventReader) takeField(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		r.event.name = string(value)
	case "data":
		if r.hasData {
			r.event.data = append(r.event.data, '\n')
		}
		r.event.data, r.hasData = append(r.event.data, value...), true
	}
}
