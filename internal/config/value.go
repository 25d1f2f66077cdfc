package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
)

// value is where one key's value is. It is set from text, and told as text that sets the same again.
type value interface {
	set(texts []string) error // one text; of a list, any number
	texts() []string
	list() bool
	accepts(tag string) bool // YAML's type of each text
	expects() string         // what to write, such as "a size, such as 64KiB"
}

// YAML's types of scalars.
const (
	tagText  = "!!str"
	tagInt   = "!!int"
	tagFloat = "!!float"
	tagBool  = "!!bool"
	tagNone  = "!!null"
)

// maxList is how many values one list may have.
const maxList = 1000

// kind is what values of a type look like. The error of parse is the rest of a sentence that began with the key.
type kind[T any] struct {
	wants  string
	tags   []string
	parse  func(string) (T, error)
	format func(T) string
}

func problemf(format string, args ...any) error { return fmt.Errorf(format, args...) }

type single[T any] struct {
	p *T
	kind[T]
}

// one is a key with one value.
func one[T any](p *T, k kind[T]) value { return &single[T]{p, k} }

func (s *single[T]) list() bool              { return false }
func (s *single[T]) accepts(tag string) bool { return slices.Contains(s.tags, tag) }
func (s *single[T]) expects() string         { return s.wants }
func (s *single[T]) texts() []string         { return []string{s.format(*s.p)} }

func (s *single[T]) set(texts []string) error {
	if len(texts) != 1 {
		return errors.New("takes one value")
	}
	v, err := s.parse(texts[0])
	if err == nil {
		*s.p = v
	}
	return err
}

type several[T any] struct {
	p *[]T
	kind[T]
}

// many is a key with a list of values. Setting it replaces them all.
func many[T any](p *[]T, k kind[T]) value { return &several[T]{p, k} }

func (s *several[T]) list() bool              { return true }
func (s *several[T]) accepts(tag string) bool { return slices.Contains(s.tags, tag) }
func (s *several[T]) expects() string         { return s.wants }

func (s *several[T]) texts() []string {
	all := make([]string, 0, len(*s.p))
	for _, v := range *s.p {
		all = append(all, s.format(v))
	}
	return all
}

func (s *several[T]) set(texts []string) error {
	if len(texts) > maxList {
		return problemf("has %d values; %d are allowed", len(texts), maxList)
	}
	var all []T
	for _, text := range texts {
		v, err := s.parse(text)
		if err != nil {
			return err
		}
		all = append(all, v)
	}
	*s.p = all
	return nil
}

// file is a key that names a file.
type file struct{ single[string] }

// path is such a key.
func path(p *string) value {
	return &file{single[string]{p, kind[string]{
		wants:  "a file's name",
		tags:   []string{tagText},
		parse:  plainText,
		format: func(s string) string { return s },
	}}}
}

// below makes a relative name one below dir, so that a configuration file can be read from anywhere.
func (f *file) below(dir string) {
	if *f.p != "" && !filepath.IsAbs(*f.p) {
		*f.p = filepath.Join(dir, *f.p)
	}
}

var truth = kind[bool]{
	wants: "true or false",
	tags:  []string{tagBool},
	parse: func(s string) (bool, error) {
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, problemf("%q is neither true nor false", s)
	},
	format: strconv.FormatBool,
}

// choice is one word of several.
func choice[T ~string](of ...T) kind[T] {
	list := ""
	for i, word := range of {
		switch i {
		case 0:
		case len(of) - 1:
			list += " or "
		default:
			list += ", "
		}
		list += string(word)
	}
	return kind[T]{
		wants: list,
		tags:  []string{tagText},
		parse: func(s string) (T, error) {
			if !slices.Contains(of, T(s)) {
				return "", problemf("%q is not possible: write %s", s, list)
			}
			return T(s), nil
		},
		format: func(v T) string { return string(v) },
	}
}
