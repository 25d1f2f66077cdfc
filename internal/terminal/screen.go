// Package terminal is the conversation in a terminal: a screen for people, lines
// for scripts.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/snug-chat/snug/internal/explain"
	"github.com/snug-chat/snug/peer"
	"github.com/snug-chat/snug/peer/chat"
)

var (
	nameColours = []string{"1", "2", "3", "4", "5", "6", "9", "12"}
	dim         = lipgloss.NewStyle().Faint(true)
	bad         = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	bold        = lipgloss.NewStyle().Bold(true)
)

// Screen is the conversation for people: messages scroll in the terminal as
// everything does, and what one writes stands at the bottom.
func Screen(ctx context.Context, c *chat.Chat) error {
	ctx, cancel := context.WithCancel(ctx)
	greet(c.Room())
	m := newModel(ctx, c)
	p := tea.NewProgram(m, tea.WithContext(ctx))
	var feeding sync.WaitGroup
	feeding.Go(func() {
		m.waitForFrame(ctx)
		for m, err := range c.Messages(ctx) {
			if err != nil {
				p.Send(ended{err})
				return
			}
			p.Send(m)
		}
	})
	feeding.Go(func() {
		m.waitForFrame(ctx)
		for e := range c.Room().Events(ctx) {
			p.Send(e)
		}
	})
	last, err := p.Run()
	cancel()
	feeding.Wait()
	leave, stop := context.WithTimeout(context.Background(), leaveWait)
	defer stop()
	c.Close(leave)
	if m, ok := last.(model); ok && m.err != nil {
		return m.err
	}
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// firstFrame is how long the first frame may take. A line printed before it is drawn
// scrolls everything out of sight, and bubbletea doesn't say when that is done
// (charmbracelet/bubbletea#1736).
const firstFrame = 100 * time.Millisecond

type (
	drawn struct{} // the first frame
	ended struct{ err error }
	did   struct { // what a command comes to
		text string
		err  error
	}
	sent struct{ err error }
)

type model struct {
	ctx     context.Context // of the commands that bubbletea runs
	chat    *chat.Chat
	verify  *verifying
	framed  chan struct{} // closed when the first frame is drawn
	input   textinput.Model
	members []peer.Member
	hubAway bool
	problem string
	width   int
	err     error
}

func newModel(ctx context.Context, c *chat.Chat) model {
	input := textinput.New()
	input.Prompt = "› "
	input.Placeholder = "Message"
	input.CharLimit = chat.MaxBody
	input.Focus()
	return model{ctx: ctx, chat: c, verify: &verifying{room: c.Room()}, framed: make(chan struct{}), input: input, width: 80}
}

func (m model) Init() tea.Cmd {
	return tea.Batch(textinput.Blink, tea.Tick(firstFrame, func(time.Time) tea.Msg { return drawn{} }))
}

func (m model) waitForFrame(ctx context.Context) {
	select {
	case <-m.framed:
	case <-ctx.Done():
	}
}

// greet says what the screen is for. It is printed before bubbletea takes over, so that it stands first.
func greet(room *peer.Room) {
	text := "You are %s, in an open room. Give others this invite:"
	if room.Sealed() {
		text = "You are %s, in a sealed room. Give others this invite, which holds its key:"
	}
	lipgloss.Println(dim.Render(fmt.Sprintf(text, name(room.Self()))))
	lipgloss.Println(room.Invite())
	lipgloss.Println(dim.Render("/who shows who is here, /quit or Ctrl-C leaves."))
}

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width = msg.Width
		m.input.SetWidth(max(10, msg.Width-4))
		return m, nil
	case tea.KeyPressMsg:
		switch msg.String() {
		case "ctrl+c", "ctrl+d", "esc":
			return m, tea.Quit
		case "enter":
			return m.enter()
		}
	case drawn:
		close(m.framed)
		return m, nil
	case chat.Message:
		return m, tea.Println(m.line(msg.From, msg.Body))
	case peer.Event:
		return m.event(msg)
	case sent:
		m.problem = ""
		if msg.err != nil {
			m.problem = explain.Error(msg.err)
		}
		return m, nil
	case did:
		m.problem = ""
		if msg.err != nil && m.ctx.Err() == nil {
			m.problem = explain.Error(msg.err)
		}
		if msg.text == "" {
			return m, nil
		}
		return m, tea.Println(msg.text)
	case ended:
		m.err = msg.err
		return m, tea.Quit
	}
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(msg)
	return m, cmd
}

func (m model) event(e peer.Event) (tea.Model, tea.Cmd) {
	m.members = m.chat.Room().Members()
	switch e.Type {
	case peer.HubLost:
		m.hubAway = true
	case peer.HubBack:
		m.hubAway = false
	case peer.MemberChanged:
		if e.Member.Standing == peer.StandingChanged {
			return m, tea.Println(bad.Render("* " + happened(e)))
		}
	case peer.MemberJoined, peer.MemberLeft, peer.VerifyAsked:
		return m, tea.Println(dim.Render("* " + happened(e)))
	}
	return m, nil
}

// enter sends what was written, or does what it commands.
func (m model) enter() (tea.Model, tea.Cmd) {
	text := strings.TrimSpace(m.input.Value())
	m.input.Reset()
	switch text {
	case "":
		return m, nil
	case "/quit":
		return m, tea.Quit
	case "/who":
		return m, tea.Println(m.who())
	case "/help":
		return m, tea.Println(dim.Render("/who  who is here, and how they are connected\n" + verifyHelp + "\n/quit leave"))
	}
	if isVerifying(text) {
		return m, func() tea.Msg {
			text, err := m.verify.do(m.ctx, text)
			return did{text, err}
		}
	}
	if strings.HasPrefix(text, "/") && !strings.Contains(text, " ") {
		m.problem = "There is no " + text + ". /help shows what there is."
		return m, nil
	}
	send := func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, sendWait)
		defer cancel()
		_, err := m.chat.Send(ctx, text)
		return sent{err}
	}
	return m, tea.Sequence(tea.Println(m.line(m.chat.Room().Self(), text)), send)
}

func (m model) line(from peer.Member, body string) string {
	sum := 0
	for _, b := range []byte(from.ID) {
		sum += int(b)
	}
	who := bold.Foreground(lipgloss.Color(nameColours[sum%len(nameColours)])).Render(name(from))
	return wrap(who+"  "+indent(body), max(20, m.width))
}

func (m model) who() string {
	all := []string{name(m.chat.Room().Self()) + dim.Render("  you")}
	for _, o := range m.members {
		all = append(all, name(o)+dim.Render("  "+status(o)+m.roundTrip(o)))
	}
	return strings.Join(all, "\n")
}

// roundTrip is how long a packet takes there and back, if that is known.
func (m model) roundTrip(o peer.Member) string {
	link := m.chat.Room().Link(o.ID)
	if link == nil {
		return ""
	}
	now, ok := link.Statistics()
	if !ok || now.RoundTrip == 0 {
		return ""
	}
	return fmt.Sprintf(", %v there and back", now.RoundTrip.Round(time.Millisecond/10))
}

func (m model) View() tea.View {
	line := m.problem
	style := bad
	if line == "" {
		line, style = m.summary(), dim
	}
	return tea.NewView(m.input.View() + "\n" + style.MaxWidth(m.width).Render(line))
}

// summary is who is here, in a line.
func (m model) summary() string {
	parts := []string{}
	for _, o := range m.members {
		part := name(o)
		if o.State != peer.LinkLive || o.Away {
			part += " (" + status(o) + ")"
		}
		parts = append(parts, part)
	}
	text := "nobody else is here yet"
	if len(parts) > 0 {
		text = "with " + strings.Join(parts, ", ")
	}
	if m.hubAway {
		text = "the hub is away, conversations go on · " + text
	}
	return text
}
