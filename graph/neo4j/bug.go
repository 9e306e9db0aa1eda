package neo4j

// The bugs that build tags plant, see bug_off.go.
const (
	// bugOrder lets ties ascend in a descending order.
	bugOrder = 1
	// bugBoundary keeps what ends at the very instant that is asked for.
	bugBoundary = 2
	// bugCap loses the last far end under a cap.
	bugCap = 3
)
