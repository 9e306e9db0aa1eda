package neo4j

// The bugs that build tags inject: bug1 is bugTieOrder, bug2 bugEndInstant, bug3
// bugCap. See injectedBug.
const (
	// bugTieOrder sorts ties ascending in a descending order.
	bugTieOrder = 1
	// bugEndInstant keeps edges that end at the very instant that is asked for.
	bugEndInstant = 2
	// bugCap loses the last far end under a cap.
	bugCap = 3
)
