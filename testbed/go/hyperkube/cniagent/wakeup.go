package cniagent

// wakeup makes a loop look again. However often it is sent before the loop
// looks, the loop runs once.
type wakeup chan struct{}

func newWakeup() wakeup { return make(wakeup, 1) }

func (w wakeup) send() {
	select {
	case w <- struct{}{}:
	default: // one is already waiting
	}
}

// clear forgets what was sent: the loop is about to look at everything.
func (w wakeup) clear() {
	select {
	case <-w:
	default:
	}
}
