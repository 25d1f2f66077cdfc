package peer

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// mallory is in between: Ann takes it for Ben, and Ben takes it for Ann. Its numbers come from a fixed
// seed, so that each run is the same.
type mallory struct {
	random   *rand.Rand
	draw     func() [nonceSize]byte
	ann, ben verifyEnd // as they are
}

func newMallory(t *testing.T) *mallory {
	all := readVerifyCases(t)
	random := rand.New(rand.NewPCG(1, 2))
	return &mallory{random, drawFrom(random), all.View.A.end(), all.View.B.end()}
}

// as is who Mallory pretends to be, with a key and a certificate of its own, which it draws anew.
func (m *mallory) as(who verifyEnd) verifyEnd {
	who.key, who.fingerprint = publicKey(m.draw()), fingerprint(m.draw())
	return who
}

// alike compares two emoji of the seven, 12 bits, so that chance can be told from skill in a short time.
func alike(a, b code) bool { return slices.Equal(a[:2], b[:2]) }

// heardBy gives a message to a machine and returns what it says and shows.
func heardBy(v *verification, m verifyMessage) (said []verifyMessage, shown *code) {
	return sorted(v.step(time.Second, verifyEvent{Type: verifyHeard, Message: m.encode()}))
}

func sorted(do []verifyAction) (said []verifyMessage, shown *code) {
	for _, a := range do {
		if a.Do == verifySend {
			said = append(said, *a.Message)
		}
		if a.Code != nil {
			shown = a.Code
		}
	}
	return said, shown
}

const (
	attacks = 1000
	tries   = 32 // for each attack: more wouldn't help, since what is looked for isn't known
	luck    = 5  // attacks in 1,000 that succeed by chance: 0.24 are expected, and six come once in 10⁷ runs
)

// Mallory hears Ben's number first, so that it knows what Ben sees, and looks for a number and a key with which Ann
// sees the same. But Ann's number is only committed to.
func TestGrindingAfterTheCommitIsLuck(t *testing.T) {
	m, reached := newMallory(t), 0
	for range attacks {
		ben := newVerification(verifyView{"room", m.ben, m.as(m.ann)}, m.draw)
		ben.step(0, verifyEvent{Type: verifyBegin})
		mine := m.draw()
		commit := nonce(ben.view.commit(mine))
		said, _ := heardBy(ben, verifyMessage{Type: controlVerify, Commit: &commit})
		bens := ben.view.code(mine, *said[0].Nonce)

		// Of all keys and numbers that Ann might be given, one with which she would see that, if her number were a guess.
		guess := m.draw()
		var view verifyView
		var number nonce
		for range tries {
			view, number = verifyView{"room", m.ann, m.as(m.ben)}, m.draw()
			if alike(view.code(guess, number), bens) {
				break
			}
		}
		ann := newVerification(view, m.draw)
		ann.step(0, verifyEvent{Type: verifyBegin}) // the commit, of no use
		_, anns := heardBy(ann, verifyMessage{Type: controlVerify, Nonce: &number})
		if alike(*anns, bens) {
			reached++
		}
	}
	if reached > luck {
		t.Errorf("%d of %d attacks reached the same two emoji", reached, attacks)
	}
}

// Mallory hears Ann's number first, and looks for a number with which Ben sees what she does. It has to commit to it
// before it hears Ben's, and is caught if it says another one then.
func TestGrindingBeforeTheCommitIsLuck(t *testing.T) {
	m, reached := newMallory(t), 0
	for range attacks {
		ann := newVerification(verifyView{"room", m.ann, m.as(m.ben)}, m.draw)
		ann.step(0, verifyEvent{Type: verifyBegin})
		number := nonce(m.draw())
		_, anns := heardBy(ann, verifyMessage{Type: controlVerify, Nonce: &number})

		guess := m.draw()
		var view verifyView
		var mine [nonceSize]byte
		for range tries {
			view, mine = verifyView{"room", m.ben, m.as(m.ann)}, m.draw()
			if alike(view.code(mine, guess), *anns) {
				break
			}
		}
		ben := newVerification(view, m.draw)
		ben.step(0, verifyEvent{Type: verifyBegin})
		commit := nonce(view.commit(mine))
		heardBy(ben, verifyMessage{Type: controlVerify, Commit: &commit})
		said := nonce(mine)
		_, bens := heardBy(ben, verifyMessage{Type: controlVerify, Nonce: &said})
		if alike(*anns, *bens) {
			reached++
		}
	}
	if reached > luck {
		t.Errorf("%d of %d attacks reached the same two emoji", reached, attacks)
	}
}

// With Ben's number in hand, Mallory finds one of its own in no time. But it isn't the one that it committed to.
func TestAnotherNumberThanCommittedToIsCaught(t *testing.T) {
	m := newMallory(t)
	want := code{1, 2}
	for range 5 {
		ben := newVerification(verifyView{"room", m.ben, m.as(m.ann)}, m.draw)
		ben.step(0, verifyEvent{Type: verifyBegin})
		commit := nonce(ben.view.commit(m.draw()))
		said, _ := heardBy(ben, verifyMessage{Type: controlVerify, Commit: &commit})
		other := m.find(t, func(number [nonceSize]byte) bool {
			return alike(ben.view.code(number, *said[0].Nonce), want)
		})
		said, shown := heardBy(ben, verifyMessage{Type: controlVerify, Nonce: (*nonce)(&other)})
		if shown != nil || len(said) != 1 || said[0].Reason != reasonBroken || ben.state != verifyIdle {
			t.Errorf("Ben says %+v and sees %v", said, shown)
		}
	}
}

// The same exchange without a commit, in which Ann's number comes first, falls each time: this is what the commit is for,
// and it shows that the tests above look for what can be found.
func TestWithoutCommitGrindingSucceeds(t *testing.T) {
	m := newMallory(t)
	for range 20 {
		bens := code{m.random.IntN(64), m.random.IntN(64)} // what Ben sees already
		view, anns := verifyView{"room", m.ann, m.as(m.ben)}, m.draw()
		m.find(t, func(number [nonceSize]byte) bool { return alike(view.code(anns, number), bens) })
	}
}

// find looks for a number that suits; one of 4,096 does.
func (m *mallory) find(t *testing.T, suits func([nonceSize]byte) bool) [nonceSize]byte {
	t.Helper()
	for range 1 << 17 {
		if number := m.draw(); suits(number) {
			return number
		}
	}
	t.Fatal("found none")
	return [nonceSize]byte{}
}
