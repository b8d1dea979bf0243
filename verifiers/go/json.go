package signetverify

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// mostLevels is the allowed depth of a value in a token. Code that handles the
// value later may use recursion.
const mostLevels = 32

// fewestInexactDigits is the length from which a whole number may not fit a float64.
const fewestInexactDigits = 16

var (
	errNotJSON = errors.New("is not JSON")
	errTooDeep = errors.New("goes deeper than 32 levels")
)

// inexactError names the member whose number would change as a float64.
type inexactError struct{ name string }

func (e inexactError) Error() string { return "holds a number that cannot be held exactly" }

// decodeJSON reads one JSON value with numbers as they are written. Unlike
// encoding/json it refuses text that is not UTF-8, and names are compared
// exactly because nothing is read into structs (RFC 8259 sections 8.1, 8.3).
func decodeJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errNotJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errNotJSON
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errNotJSON
	}
	return value, nil
}

// exactValue turns the numbers of a value into float64, as encoding/json does
// by default. A whole number that would change is a fault: 1147953659032899585
// would become 1147953659032899600, and if this is the id of a tenant, the API
// opens the wrong one (RFC 8259 section 6).
//
// It returns errTooDeep or an inexactError. name is that of the member that
// holds the value.
func exactValue(value any, name string, level int) (any, error) {
	if level > mostLevels {
		return nil, errTooDeep
	}
	switch each := value.(type) {
	case json.Number:
		number, isExact := exactNumber(string(each))
		if !isExact {
			return nil, inexactError{name}
		}
		return number, nil
	case []any:
		for at := range each {
			exact, err := exactValue(each[at], name, level+1)
			if err != nil {
				return nil, err
			}
			each[at] = exact
		}
	case map[string]any:
		for member := range each {
			exact, err := exactValue(each[member], member, level+1)
			if err != nil {
				return nil, err
			}
			each[member] = exact
		}
	}
	return value, nil
}

// exactNumber reads a literal. A fraction is an approximation anyway, as long
// as it does not become infinite.
func exactNumber(literal string) (number float64, isExact bool) {
	number, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(number, 0) {
		return 0, false
	}
	if len(literal) < fewestInexactDigits || !isWhole(literal) {
		return number, true
	}
	written, isRead := new(big.Int).SetString(literal, 10)
	held, _ := new(big.Float).SetFloat64(number).Int(nil)
	return number, isRead && written.Cmp(held) == 0
}

func isWhole(literal string) bool {
	for at, each := range literal {
		if (each < '0' || each > '9') && (at > 0 || each != '-') {
			return false
		}
	}
	return true
}

// number reads a number of a document, whose exactness does not matter.
func number(value any) (float64, bool) {
	literal, isNumber := value.(json.Number)
	if !isNumber {
		return 0, false
	}
	// A number that is too large is infinite; there is no other error.
	read, _ := literal.Float64()
	return read, true
}
