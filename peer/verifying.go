package peer

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// newVerification takes draw for 32 fresh random bytes at each call.
func newVerification(view verifyView, draw func() [nonceSize]byte) *verification {
	return &verification{view: view, initiator: view.self.id < view.other.id, draw: draw, state: verifyIdle}
}

// due is when a tick is wanted; 0: never.
func (v *verification) due() time.Duration { return v.deadline }

// step takes an event that happened at now, since the link began.
func (v *verification) step(now time.Duration, e verifyEvent) []verifyAction {
	v.now, v.do = now, nil
	switch e.Type {
	case verifyBegin:
		v.begin()
	case verifyMatch:
		v.match()
	case verifyDiffer:
		v.stop(v.state == verifyComparing, endedDiffers, reasonDiffers)
	case verifyCancel:
		v.stop(v.running(), endedStopped, "")
	case verifyHeard:
		v.heard(e.Message)
	case verifyMoved:
		v.moved(e)
	case verifyTick:
		v.tick()
	}
	return v.do
}

// running tells whether something is asked or compared.
func (v *verification) running() bool { return v.state != verifyIdle && v.state != verifyMatched }

func (v *verification) begin() {
	switch {
	case v.state == verifyWaiting || v.state == verifyComparing || v.state == verifyMatched:
	case v.initiator:
		v.nonce = v.draw()
		commit := v.view.commit(v.nonce)
		v.send(verifyMessage{Type: controlVerify, Commit: (*nonce)(&commit)})
		v.become(verifyWaiting)
	case v.state == verifyAsked:
		v.reveal()
		v.become(verifyWaiting)
	default:
		v.send(verifyMessage{Type: controlVerify})
		v.become(verifyWaiting)
	}
}

func (v *verification) match() {
	if v.state == verifyComparing {
		v.act(verifyAction{Do: verifyPin})
		v.become(verifyMatched)
	}
}

// moved ends what was begun on the carrier before: its control messages may be lost, and the code is about its certificates.
func (v *verification) moved(e verifyEvent) {
	if e.Own != nil {
		v.view.self.fingerprint = *e.Own
	}
	if e.Theirs != nil {
		v.view.other.fingerprint = *e.Theirs
	}
	if v.running() {
		v.end(endedMoved)
	}
}

func (v *verification) tick() {
	if v.deadline == 0 || v.now < v.deadline {
		return
	}
	v.stop(v.running(), endedTimeout, reasonTimeout)
	if v.state == verifyMatched {
		v.end("")
	}
}

func (v *verification) heard(data jsontext.Value) {
	m, err := decodeVerify(data)
	switch {
	case err != nil:
		v.broken()
	case m.Type == controlVerifyCancel:
		v.heardCancel(m.Reason)
	case m.Commit != nil:
		v.heardCommit([nonceSize]byte(*m.Commit))
	case m.Nonce != nil:
		v.heardNonce([nonceSize]byte(*m.Nonce))
	default:
		v.heardAsk()
	}
}

// heardAsk is for the initiator alone: who isn't asks it to begin.
func (v *verification) heardAsk() {
	switch {
	case !v.initiator || v.state == verifyComparing:
		v.broken()
	case !v.running():
		v.ask()
	}
}

// heardCommit is for the other side alone.
func (v *verification) heardCommit(commit [nonceSize]byte) {
	switch {
	case v.initiator:
		v.broken()
	case !v.running():
		if v.ask() {
			v.commit, v.revealed = &commit, false
		}
	case v.state == verifyWaiting && v.commit == nil:
		v.commit = &commit
		v.reveal() // our user has agreed already
	default:
		v.broken()
	}
}

// ask has our user agree first, unless it was asked too often. It tells whether it did.
func (v *verification) ask() bool {
	if v.asked == maxAsked {
		v.send(verifyMessage{Type: controlVerifyCancel})
		return false
	}
	v.asked++
	v.become(verifyAsked)
	return true
}

// reveal is the other side's answer to a commit.
func (v *verification) reveal() {
	v.nonce, v.revealed = v.draw(), true
	v.sayNonce()
}

// sayNonce says a copy: ours is forgotten at the end, and the message may wait.
func (v *verification) sayNonce() {
	said := nonce(v.nonce)
	v.send(verifyMessage{Type: controlVerify, Nonce: &said})
}

func (v *verification) heardNonce(theirs [nonceSize]byte) {
	switch {
	case !v.running(): // we have cancelled, and it didn't know
		v.send(verifyMessage{Type: controlVerifyCancel})
	case v.state != verifyWaiting:
		v.broken()
	case v.initiator:
		v.sayNonce()
		v.compare(v.view.code(v.nonce, theirs))
	case !v.revealed || v.view.commit(theirs) != *v.commit:
		v.broken()
	default:
		v.compare(v.view.code(theirs, v.nonce))
	}
}

func (v *verification) heardCancel(reason string) {
	differs := reason == reasonDiffers
	switch {
	case v.state == verifyMatched && differs:
		v.act(verifyAction{Do: verifyWithdraw})
		v.end(endedDiffers)
	case !v.running():
	case differs:
		v.end(endedDiffers)
	case reason == reasonTimeout:
		v.end(endedTimeout)
	case reason == reasonBroken:
		v.end(endedBroken)
	default:
		v.end(endedCancelled)
	}
}

// broken ends an exchange that the other side doesn't keep to. Where there is none, nothing happens.
func (v *verification) broken() { v.stop(v.running(), endedBroken, reasonBroken) }

// stop ends the exchange, if there is one, and tells the other side.
func (v *verification) stop(running bool, ending verifyEnding, reason string) {
	if running {
		v.send(verifyMessage{Type: controlVerifyCancel, Reason: reason})
		v.end(ending)
	}
}

func (v *verification) compare(c code) {
	v.become(verifyComparing)
	v.do[len(v.do)-1].Code = &c
}

func (v *verification) end(ending verifyEnding) {
	v.become(verifyIdle)
	v.do[len(v.do)-1].Ended = ending
	v.deadline = 0
	v.nonce, v.commit, v.revealed = [nonceSize]byte{}, nil, false
}

func (v *verification) become(state verifyState) {
	v.state = state
	v.deadline = v.now + verifyWait
	v.act(verifyAction{Do: verifyShow, State: state})
}

func (v *verification) send(m verifyMessage) { v.act(verifyAction{Do: verifySend, Message: &m}) }
func (v *verification) act(a verifyAction)   { v.do = append(v.do, a) }
