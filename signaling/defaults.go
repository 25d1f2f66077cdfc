package signaling

// Defaults are the options of a hub that is told nothing: every field has the value that its zero value means.
func Defaults() Options { return *(*Options)(nil).withDefaults() }
