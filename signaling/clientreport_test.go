package signaling_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snug-chat/snug/signaling"
	"github.com/snug-chat/snug/signaling/signalingtest"
)

// linksOf is how many links of an outcome a hub has counted.
func linksOf(hub *signalingtest.Hub, outcome string) (n uint64) {
	for _, l := range hub.Signaling().Stats().Links {
		if l.Outcome == outcome && l.Family == signaling.FamilyGo {
			n += l.Count
		}
	}
	return n
}

func TestClientReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := signalingtest.NewBubbleHub(t, nil)
		ann := connect(t, hub.NewLine(), "lobby", "Ann")
		go receiveAll(ann)
		for range 50 {
			ann.Report(signaling.Report{Outcome: signaling.OutcomeOpened, Path: signaling.PathDirect, Time: time.Second})
		}
		synctest.Wait()
		if n := linksOf(hub, signaling.OutcomeOpened); n != 50 {
			t.Errorf("of 50 reports %d were counted", n)
		}
	})
}

// receiveAll receives until the end.
func receiveAll(c *signaling.Client) {
	for {
		if _, err := c.Receive(context.Background()); err != nil {
			return
		}
	}
}

func TestReportsAreDroppedWhileTheHubIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := signalingtest.NewBubbleHub(t, nil)
		line := hub.NewLine()
		ann := connect(t, line, "lobby", "Ann")
		line.Down()
		await[signaling.Lost](t, ann)
		ann.Report(signaling.Report{Outcome: signaling.OutcomeSignaling})
		line.Up()
		for ann.Transport() == "" {
			await[signaling.Welcome](t, ann)
		}
		ann.Report(signaling.Report{Outcome: signaling.OutcomeICE})
		synctest.Wait()
		if lost, told := linksOf(hub, signaling.OutcomeSignaling), linksOf(hub, signaling.OutcomeICE); lost != 0 || told != 1 {
			t.Errorf("%d reports of while the hub was away, %d of after it", lost, told)
		}
		ann.Close()
		ann.Report(signaling.Report{Outcome: signaling.OutcomeICE}) // after the end
	})
}
