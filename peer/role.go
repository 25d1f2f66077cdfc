package peer

import "github.com/snug-chat/snug/signaling"

const kindBrowser = "browser"

// offers tells whether self makes the offers on its link to other, by what the
// roster says of the two. Both sides come to the same result, whatever they know of who
// came first: LINK.md, section 2, has the reasons and the figures.
func offers(self, other signaling.Member) bool {
	browser, browserThere := self.Kind == kindBrowser, other.Kind == kindBrowser
	if browser != browserThere {
		return browser
	}
	return self.ID < other.ID
}
