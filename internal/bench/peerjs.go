package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// peerjsScript installs and starts the PeerJS server, from the top of the repository.
const peerjsScript = "bench/peerjs.sh"

// addPeerJS has the PeerJS server measured, too, if that was asked for, and notes it if not.
func (r *runner) addPeerJS(ctx context.Context, certificate string) error {
	const leftOut = "The PeerJS server was left out: "
	if !r.PeerJS {
		r.report.note(leftOut + "--peerjs has it measured, too.")
		return nil
	}
	for _, need := range []string{"node", "npm"} {
		if _, err := exec.LookPath(need); err != nil {
			r.report.note(leftOut + need + " isn't installed.")
			return nil
		}
	}
	script, err := filepath.Abs(r.Script)
	if err != nil {
		return err
	}
	if _, err := os.Stat(script); err != nil {
		return fmt.Errorf("%s, which starts the PeerJS server, isn't here: run this at the top of snug's repository, or leave --peerjs out", r.Script)
	}
	dir := filepath.Join(r.dir, "peerjs")
	r.progress("installing the PeerJS server")
	if out, err := exec.CommandContext(ctx, script, "install", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("the PeerJS server can't be installed: %w: %.500s", err, out)
	}
	r.targets = append(r.targets, target{name: "PeerJS server", key: "peerjs", dialect: peerjsDialect{}, command: []string{script, "serve", dir, certificate}})
	return nil
}
