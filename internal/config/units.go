package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// count is a whole number from lo to hi.
func count(lo, hi int) kind[int] {
	return kind[int]{
		wants: "a whole number, such as 64",
		tags:  []string{tagInt},
		parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil {
				return 0, problemf("%q is no whole number: write one such as 64", s)
			}
			return n, within(n, lo, hi, strconv.Itoa)
		},
		format: strconv.Itoa,
	}
}

// rate is how often a second.
var rate = kind[float64]{
	wants: "a number a second, such as 100",
	tags:  []string{tagInt, tagFloat},
	parse: func(s string) (float64, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) {
			return 0, problemf("%q is no number: write one such as 100 or 0.5", s)
		}
		return f, within(f, 0.001, maxRate, formatRate)
	},
	format: formatRate,
}

func formatRate(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

var units = []struct {
	name  string
	bytes int
}{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}}

// size is a number of bytes from lo to hi.
func size(lo, hi int) kind[int] {
	return kind[int]{
		wants: "a size, such as 64KiB",
		tags:  []string{tagInt, tagText},
		parse: func(s string) (int, error) {
			n, err := parseSize(s)
			if err != nil {
				return 0, err
			}
			return n, within(n, lo, hi, formatSize)
		},
		format: formatSize,
	}
}

func parseSize(s string) (int, error) {
	digits, unit := s, 1
	for _, u := range units {
		if rest, found := strings.CutSuffix(s, u.name); found {
			digits, unit = strings.TrimRight(rest, " "), u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, problemf("%q is no size: write bytes, or a whole number of KiB, MiB or GiB, such as 64KiB", s)
	}
	if n > math.MaxInt/uint64(unit) {
		return 0, problemf("%q is more than this machine can count", s)
	}
	return int(n) * unit, nil
}

func formatSize(n int) string {
	for _, u := range units {
		if u.bytes > 1 && n != 0 && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n)
}

// duration is a time from lo to hi.
func duration(lo, hi time.Duration) kind[time.Duration] {
	return kind[time.Duration]{
		wants: "a duration, such as 60s",
		tags:  []string{tagInt, tagText},
		parse: func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if _, bare := strconv.Atoi(s); err != nil && bare == nil {
				return 0, problemf("%s has no unit: write %ss for seconds, or one of ms, m and h", s, s)
			}
			if err != nil {
				return 0, problemf("%q is no duration: write one such as 60s, 1m30s or 24h", s)
			}
			return d, within(d, lo, hi, formatDuration)
		},
		format: formatDuration,
	}
}

// formatDuration is d without units that are zero at its end.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func within[T int | float64 | time.Duration](v, lo, hi T, format func(T) string) error {
	if v < lo {
		return problemf("%s is too little: %s is the least", format(v), format(lo))
	}
	if v > hi {
		return problemf("%s is too much: %s is the most", format(v), format(hi))
	}
	return nil
}
