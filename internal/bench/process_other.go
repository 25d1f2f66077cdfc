//go:build !linux

package bench

import (
	"errors"
	"time"
)

const canMeasureProcesses = false

var errOnlyLinux = errors.New("memory and CPU of a process are read as Linux has them")

func (p *process) cpu() (time.Duration, error) { return 0, errOnlyLinux }

func (p *process) resident() (now, peak int, err error) { return 0, 0, errOnlyLinux }

func exactTimers() {}

func sleepUntil(t time.Time) { time.Sleep(time.Until(t)) }

func processor() string { return "" }

func loadAverage() float64 { return -1 }

func openFiles(int) error { return nil }
