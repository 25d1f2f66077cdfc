package peer

import (
	"context"

	"github.com/snug-chat/snug/signaling"
)

// Kick puts a member out, with the permission for it, and tells what that keeps out. The error is a
// [*signaling.Error] with CodeForbidden without the permission.
func (r *Room) Kick(ctx context.Context, id string) (signaling.Holds, error) {
	return r.hub.Kick(ctx, id)
}

// Lock keeps newcomers out, with the permission for it, until the room is unlocked or empty. Its error is
// like that of Kick.
func (r *Room) Lock(ctx context.Context, locked bool) error {
	return r.hub.Lock(ctx, locked)
}
