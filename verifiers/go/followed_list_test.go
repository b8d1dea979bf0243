package signetverify

import (
	"testing"
	"time"
)

// These orders of answers need two connections that overtake each other, so they
// are tried on the list itself.

func pageOf(cursor string, entries ...feedEntry) feedPage {
	return feedPage{cursor: cursor, entries: entries}
}

func at(seconds int) moment {
	return moment{wall: time.Duration(seconds) * time.Second, even: time.Duration(seconds) * time.Second}
}

func deniesJTI(t *testing.T, list *followedList, value string, wanted bool) {
	t.Helper()
	expect(t, value, list.findDenying(Claims{"jti": value}, nil, 0) != nil, wanted)
}

func denial100(id, kind, value string) feedEntry {
	return feedEntry{id: id, kind: kind, hash: hashOf(kind, value), issuedBefore: 100, expiresAt: 100}
}

func TestALateAnswerUndoesNothing(t *testing.T) {
	list := newFollowedList()
	first := list.position()
	list.take(first, pageOf("1"))
	asked := list.position()
	list.take(asked, pageOf("3", denial100("e", "jti", "a")))
	late := feedPage{cursor: "2", removed: []string{"e"}}
	_, did, _ := list.take(asked, late)
	expect(t, "effect", did, applied)
	deniesJTI(t, list, "a", true)
	expect(t, "cursor", *list.position().after, "3")
}

func TestALateAnswerOfAFormerListIsOutdated(t *testing.T) {
	list := newFollowedList()
	list.take(list.position(), pageOf("9"))
	former := list.position()
	_, did, _ := list.take(former, pageOf("2"))
	expect(t, "a cursor that goes back", did, startOver)
	list.take(list.position(), pageOf("2"))
	_, did, _ = list.take(former, pageOf("10", denial100("e", "jti", "a")))
	expect(t, "the former list", did, outdated)
	deniesJTI(t, list, "a", false)
	expect(t, "heard by the former list", list.hear(former, at(5), true), false)
}

func TestAnOlderAnswerDoesNotMakeTheListOlder(t *testing.T) {
	list := newFollowedList()
	list.take(list.position(), pageOf("1"))
	list.hear(list.position(), at(10), true)
	list.hear(list.position(), at(5), true)
	silence, _ := list.stale(at(12))
	expect(t, "silence", silence, 2*time.Second)
}

func TestAClockThatIsSetBackBringsForgottenEntriesBack(t *testing.T) {
	list := newFollowedList()
	list.take(list.position(), pageOf("1", denial100("e", "jti", "a")))
	list.hear(list.position(), at(101), true)
	expect(t, "forgotten", list.current.entries.size(), 0)
	set := moment{wall: 90 * time.Second, even: 102 * time.Second}
	expect(t, "missing", list.watchClock(set), true)
	_, isKnown := list.stale(set)
	expect(t, "fresh", isKnown, false)
	if list.position().after != nil {
		t.Fatal("the whole list has to be asked for")
	}
	list.take(list.position(), pageOf("1", denial100("e", "jti", "a")))
	deniesJTI(t, list, "a", true)
}

func TestANewListThatLacksAKeyTellsSo(t *testing.T) {
	list := newFollowedList()
	list.take(list.position(), pageOf("9", denial100("e", "kid", "one")))
	list.take(list.position(), pageOf("2"))
	_, _, keysChanged := list.take(list.position(), pageOf("2"))
	expect(t, "keys changed", keysChanged, true)
}

func TestACursorOfAnyLengthIsCompared(t *testing.T) {
	for _, each := range []struct {
		one, other string
		wanted     bool
	}{
		{"9", "10", true},
		{"10", "9", false},
		{"7", "7", false},
		{"007", "7", false},
		{"18446744073709551615", "18446744073709551616", true},
	} {
		expect(t, each.one+" before "+each.other, isBefore(each.one, each.other), each.wanted)
	}
}
