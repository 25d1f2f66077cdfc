//go:build (!unix && !windows) || aix || solaris

package peer

import (
	"errors"
	"os"
)

// tryLock fails: who was here before can't be kept where processes can't be kept apart.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
