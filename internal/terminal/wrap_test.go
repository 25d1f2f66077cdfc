package terminal

import "testing"

func TestWrap(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"short", "short"},
		{"a line of words", "a line of \nwords"},
		{"exactly te", "exactly te"},
		{"one\ntwo", "one\ntwo"},
		{"小明  收到了，这是", "小明  收到\n了，这是"},
		{"ab 中文中文。", "ab 中文中\n文。"}, // no line begins with a full stop
		{"0123456789abcdef", "0123456789\nabcdef"},
		{"\x1b[1mAnn\x1b[m says some", "\x1b[1mAnn\x1b[m says \nsome"},
	} {
		if got := wrap(c.text, 10); got != c.want {
			t.Errorf("%q is wrapped as %q, not %q", c.text, got, c.want)
		}
	}
}
