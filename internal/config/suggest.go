package config

import "strings"

// didYouMean ends a sentence about a name that doesn't exist with the nearest that does.
func didYouMean(wrong string, names []string) string {
	best, bestDistance := "", max(1, len(wrong)/3)+1
	for _, name := range names {
		if d := distance(strings.ToLower(wrong), strings.ToLower(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// maxCompared bounds the work for a name that somebody else thought of.
const maxCompared = 100

// distance is how many letters to change, insert, take away or swap with the next make a of b
// (optimal string alignment).
func distance(a, b string) int {
	if len(a) > maxCompared {
		return len(a)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
