package registry

// List is a list of nodes of one kind that some use case reads in an order: the children of
// one parent, or all nodes of the kind. A store keeps an index for each order of a list, so
// that a page costs what it returns.
type List struct {
	Kind Kind
	// Children means that the list has one parent.
	Children bool
	// Orders are the columns that the list can be sorted by. Children can always be sorted
	// by name.
	Orders  []Index
	Filters []ListFilter
	// Tagged means that the list can be filtered by a tag, which an index has in TagOrders.
	Tagged bool
	// ParentsOf are filters by which the parents of the nodes are found.
	ParentsOf []Index
}

// ListFilter is a column by which a list can be filtered, one value at a time, and the orders
// in which an index has each value's nodes. In other orders, a filter that matches little is
// sorted, and one that matches much is met soon in the order of the list.
type ListFilter struct {
	By     Index
	Orders []Index
}

// listTable is the one list of lists.
var listTable = []List{
	{Kind: KindModel, Orders: []Index{IndexName, IndexValidFrom, IndexOwner, IndexEnded, IndexSerial}, Filters: byNameAndAge(IndexOwner), Tagged: true},
	{Kind: KindModelVersion, Children: true, Orders: []Index{IndexVersion, IndexNumber, IndexValidFrom, IndexOwner}, Tagged: true},
	{Kind: KindModelVersion, Orders: []Index{IndexValidFrom, IndexSerial}, ParentsOf: []Index{IndexStage}},
	{Kind: KindDataset, Orders: []Index{IndexName, IndexValidFrom, IndexOwner, IndexNamespace},
		Filters: byNameAndAge(IndexNamespace, IndexOwner)},
	{Kind: KindDatasetVersion, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindDatasetVersion, Orders: []Index{IndexValidFrom}},
	{Kind: KindRun, Orders: []Index{IndexName, IndexValidFrom, IndexRunKind}, Filters: byNameAndAge(IndexRunKind)},
	{Kind: KindRepository, Orders: []Index{IndexName}},
	{Kind: KindCommit, Children: true, Orders: []Index{IndexValidFrom, IndexRole}, Filters: byNameAndAge(IndexRole)},
	{Kind: KindCommit, Orders: []Index{IndexName, IndexValidFrom, IndexRole}, Filters: byNameAndAge(IndexRole)},
	{Kind: KindTransition, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindTransitionRequest, Orders: []Index{IndexValidFrom, IndexOwner, IndexNamespace},
		Filters: []ListFilter{{IndexStage, []Index{IndexEnded}}, {IndexOwner, []Index{IndexValidFrom}}, {IndexNamespace, []Index{IndexValidFrom}}}},
	{Kind: KindDeprecation, Orders: []Index{IndexValidFrom, IndexNamespace},
		Filters: []ListFilter{{IndexStage, []Index{IndexEnded}}, {IndexNamespace, []Index{IndexValidFrom}}}},
	{Kind: KindRecall, Orders: []Index{IndexNumber}, Filters: []ListFilter{{IndexStage, []Index{IndexNumber}}}},
	{Kind: KindTransitionGuard, Orders: []Index{IndexName}},
	{Kind: KindGate, Orders: []Index{IndexName}},
	{Kind: KindAlias, Children: true, Orders: []Index{IndexVersion}, Filters: []ListFilter{{IndexVersion, []Index{IndexName}}}},
	{Kind: KindForeign, Orders: []Index{IndexSerial}, Filters: []ListFilter{{IndexNamespace, []Index{IndexSerial}}}},
	{Kind: KindArtifact, Orders: []Index{IndexSerial}, Filters: []ListFilter{{IndexNamespace, []Index{IndexName}}}},
	{Kind: KindStagedFile, Filters: []ListFilter{{IndexNamespace, []Index{IndexName}}}},
	{Kind: KindTag, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindTag, Orders: []Index{IndexValidFrom}},
	{Kind: KindFeature, Orders: []Index{IndexValidFrom}},
	{Kind: KindDeployment, Orders: []Index{IndexName, IndexValidFrom, IndexEnded, IndexEnvironment, IndexOwner},
		Filters: byNameAndAge(IndexEnvironment, IndexOwner, IndexEnded)},
	{Kind: KindDatasetUse, Children: true},
	{Kind: KindToken, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindToken, Orders: []Index{IndexValidFrom}},
	{Kind: KindActor, Orders: []Index{IndexName}},
	{Kind: KindPolicy, Orders: []Index{IndexNumber}},
}

// byNameAndAge returns filters with the orders that are asked for most.
func byNameAndAge(columns ...Index) (out []ListFilter) {
	for _, c := range columns {
		out = append(out, ListFilter{c, []Index{IndexName, IndexValidFrom}})
	}
	return out
}

// Lists returns the lists that use cases read.
func Lists() []List { return listTable }
