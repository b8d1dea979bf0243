package signetverify

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// kinds are those that an entry can have, in the order in which a token is compared.
var kinds = []string{"jti", "sid", "sub", "client_id", "kid"}

// feedEntry is an entry of the blacklist feed. The feed names nobody: an entry
// has the hash of what it denies.
type feedEntry struct {
	id   string
	kind string
	// hash is the SHA-256 of kind:value.
	hash [sha256.Size]byte
	// issuedBefore: a token matches when its iat is not after this. Seconds.
	issuedBefore float64
	// expiresAt: the entry ends then, because every token that it denies has
	// expired. Seconds.
	expiresAt float64
}

// feedPage is a page of the feed.
type feedPage struct {
	cursor  string
	entries []feedEntry
	// removed are the ids of entries that were lifted.
	removed []string
	// hasMore: another page follows, which is asked for by the cursor.
	hasMore bool
}

// denial is the entry that denies a token.
type denial struct {
	id   string
	kind string
}

// listed is an entry in the list; several may have the same kind and hash.
type listed struct {
	feedEntry
	next *listed
}

type hashOfKind struct {
	kind string
	hash [sha256.Size]byte
}

// revocationList holds the entries of the issuer's feed, and tells whether one
// denies a token. It touches no network.
type revocationList struct {
	byID   map[string]*listed
	byHash map[hashOfKind]*listed
	// prunedUntil is the end of the last entry that was forgotten. Seconds.
	prunedUntil float64
}

func newRevocationList() *revocationList {
	return &revocationList{
		byID: map[string]*listed{}, byHash: map[hashOfKind]*listed{}, prunedUntil: math.Inf(-1),
	}
}

func (l *revocationList) size() int { return len(l.byID) }

// hasKeys says whether there are entries of keys.
func (l *revocationList) hasKeys() bool {
	for _, each := range l.byID {
		if each.kind == "kid" {
			return true
		}
	}
	return false
}

// change takes over a page. It returns whether keys came or went.
func (l *revocationList) change(page feedPage) (keysChanged bool) {
	for _, id := range page.removed {
		if known := l.byID[id]; known != nil {
			l.remove(known)
			keysChanged = keysChanged || known.kind == "kid"
		}
	}
	for _, entry := range page.entries {
		known := l.byID[entry.id]
		if known != nil && known.feedEntry == entry {
			continue
		}
		if known != nil {
			l.remove(known)
			keysChanged = keysChanged || known.kind == "kid"
		}
		l.add(entry)
		keysChanged = keysChanged || entry.kind == "kid"
	}
	return keysChanged
}

func (l *revocationList) add(entry feedEntry) {
	place := hashOfKind{entry.kind, entry.hash}
	added := &listed{feedEntry: entry, next: l.byHash[place]}
	l.byID[entry.id], l.byHash[place] = added, added
}

func (l *revocationList) remove(gone *listed) {
	delete(l.byID, gone.id)
	place := hashOfKind{gone.kind, gone.hash}
	first := l.byHash[place]
	switch {
	case first != gone:
		for first.next != gone {
			first = first.next
		}
		first.next = gone.next
	case gone.next != nil:
		l.byHash[place] = gone.next
	default:
		delete(l.byHash, place)
	}
}

// findDenying returns the entry that denies a token; nil if there is none. kid
// is that of the key that verified it, or nil.
func (l *revocationList) findDenying(claims Claims, kid *string, now float64) *denial {
	if len(l.byID) == 0 {
		return nil
	}
	for _, kind := range kinds {
		value, isNamed := claims[kind].(string)
		if kind == "kid" {
			if isNamed = kid != nil; isNamed {
				value = *kid
			}
		}
		if !isNamed {
			continue
		}
		for entry := l.byHash[hashOfKind{kind, hashOf(kind, value)}]; entry != nil; entry = entry.next {
			if entry.denies(claims, now) {
				return &denial{id: entry.id, kind: kind}
			}
		}
	}
	return nil
}

func hashOf(kind, value string) [sha256.Size]byte { return sha256.Sum256([]byte(kind + ":" + value)) }

// denies: a token that does not say when it was issued may have been issued before.
func (e *listed) denies(claims Claims, now float64) bool {
	iat, isNamed := claims["iat"].(float64)
	isAfter := isNamed && iat > e.issuedBefore
	return !isAfter && e.expiresAt > now
}

// prune forgets entries that have ended by themselves.
func (l *revocationList) prune(now time.Duration) {
	for _, each := range l.byID {
		if each.expiresAt <= now.Seconds() {
			l.remove(each)
			l.prunedUntil = max(l.prunedUntil, each.expiresAt)
		}
	}
}

// isMissing says whether an entry was forgotten as ended that has not ended
// after all, because the clock was set back.
func (l *revocationList) isMissing(now time.Duration) bool { return l.prunedUntil > now.Seconds() }

// cursorForm: a cursor is a decimal number of any length. It is never
// turned into a number, which could not hold it.
var cursorForm = regexp.MustCompile(`^[0-9]{1,40}$`)

// isBefore says whether one cursor stands before another.
func isBefore(one, other string) bool {
	width := max(len(one), len(other))
	return strings.Repeat("0", width-len(one))+one < strings.Repeat("0", width-len(other))+other
}

// isSameCursor says whether two cursors are one number, however it is written.
func isSameCursor(one, other string) bool { return !isBefore(one, other) && !isBefore(other, one) }

// mostPageBytes: the feed has at most 512 KiB a page.
const mostPageBytes = 576 << 10

// readFeed reads a page of the feed. Entries that are none, and kinds that a
// later issuer may add, are left out. length is that of the page as it came.
func readFeed(value any, length int) (feedPage, error) {
	members, _ := value.(map[string]any)
	cursor, hasCursor := members["cursor"].(string)
	entries, hasEntries := members["entries"].([]any)
	removed, hasRemoved := members["removed"].([]any)
	if !hasCursor || !hasEntries || !hasRemoved {
		return feedPage{}, errors.New("is no blacklist feed: cursor, entries or removed is missing")
	}
	if !cursorForm.MatchString(cursor) {
		return feedPage{}, errors.New("is no blacklist feed: cursor is not a whole number")
	}
	more, isNamed := members["more"]
	hasMore, isBool := more.(bool)
	if isNamed && !isBool {
		return feedPage{}, errors.New("is no blacklist feed: more is neither true nor false")
	}
	// An issuer that knows no pages sends one document, of any size that can be taken.
	if hasMore && length > mostPageBytes {
		return feedPage{}, fmt.Errorf("sends pages of more than %d bytes", mostPageBytes)
	}
	return feedPage{cursor: cursor, entries: readEntries(entries), removed: readIDs(removed), hasMore: hasMore}, nil
}

func readEntries(listed []any) []feedEntry {
	var entries []feedEntry
	for _, each := range listed {
		if entry, isEntry := readEntry(each); isEntry {
			entries = append(entries, entry)
		}
	}
	return entries
}

func readIDs(listed []any) []string {
	var ids []string
	for _, each := range listed {
		if id, isText := each.(string); isText {
			ids = append(ids, id)
		}
	}
	return ids
}

var hashForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func readEntry(value any) (feedEntry, bool) {
	members, _ := value.(map[string]any)
	id, hasID := members["id"].(string)
	kind, _ := members["kind"].(string)
	hash, _ := members["hash"].(string)
	issuedBefore, hasIssued := number(members["issued_before"])
	expiresAt, hasExpiry := number(members["expires_at"])
	if !hasID || !slices.Contains(kinds, kind) || !hasIssued || !hasExpiry || !hashForm.MatchString(hash) {
		return feedEntry{}, false
	}
	entry := feedEntry{id: id, kind: kind, issuedBefore: issuedBefore, expiresAt: expiresAt}
	// 43 characters of base64url are 32 bytes.
	if decoded, err := base64.RawURLEncoding.DecodeString(hash); err == nil {
		copy(entry.hash[:], decoded)
	}
	return entry, true
}
