package peer

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLogs passes what Pion logs on to slog as information: it calls the
// ordinary end of a socket an error. What fails is reported by links.
type pionLogs struct{ to *slog.Logger }

func (l pionLogs) NewLogger(scope string) logging.LeveledLogger {
	return &pionLog{l.to.With("pion", scope)}
}

type pionLog struct{ to *slog.Logger }

func (l *pionLog) Trace(string)          {}
func (l *pionLog) Tracef(string, ...any) {}
func (l *pionLog) Debug(string)          {}
func (l *pionLog) Debugf(string, ...any) {}
func (l *pionLog) Info(m string)         { l.to.Debug(m) }
func (l *pionLog) Infof(f string, a ...any) {
	l.to.Debug(fmt.Sprintf(f, a...))
}
func (l *pionLog) Warn(m string) { l.to.Info(m) }
func (l *pionLog) Warnf(f string, a ...any) {
	if len(a) > 0 && a[len(a)-1] == errOwnReflexive {
		return // as intended
	}
	l.to.Info(fmt.Sprintf(f, a...))
}
func (l *pionLog) Error(m string) { l.to.Info(m) }
func (l *pionLog) Errorf(f string, a ...any) {
	l.to.Info(fmt.Sprintf(f, a...))
}
