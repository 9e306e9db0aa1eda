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
	Orders []Index
	// Filters are columns that the list can be filtered by, one value at a time. A store
	// keeps an index for each of them with each of FilteredOrders, so that a filter that
	// matches little costs little.
	Filters, FilteredOrders []Index
	// ParentsOf are filters by which the parents of the nodes are found.
	ParentsOf []Index
}

// listTable is the one list of lists.
var listTable = []List{
	{Kind: KindModel, Orders: []Index{IndexName, IndexValidFrom, IndexOwner}, Filters: []Index{IndexOwner}, FilteredOrders: []Index{IndexName, IndexValidFrom}},
	{Kind: KindModelVersion, Children: true, Orders: []Index{IndexVersion, IndexNumber, IndexValidFrom, IndexOwner},
		Filters: []Index{IndexStage, IndexOwner}, FilteredOrders: []Index{IndexVersion, IndexNumber, IndexValidFrom}},
	{Kind: KindModelVersion, Orders: []Index{IndexValidFrom}, ParentsOf: []Index{IndexStage}},
	{Kind: KindDataset, Orders: []Index{IndexName, IndexValidFrom, IndexOwner, IndexNamespace},
		Filters: []Index{IndexNamespace, IndexOwner}, FilteredOrders: []Index{IndexName, IndexValidFrom}},
	{Kind: KindDatasetVersion, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindDatasetVersion, Orders: []Index{IndexValidFrom}},
	{Kind: KindRun, Orders: []Index{IndexName, IndexValidFrom, IndexRunKind}, Filters: []Index{IndexRunKind}, FilteredOrders: []Index{IndexName, IndexValidFrom}},
	{Kind: KindRepository, Orders: []Index{IndexName}},
	{Kind: KindCommit, Children: true, Orders: []Index{IndexValidFrom, IndexRole}, Filters: []Index{IndexRole}, FilteredOrders: []Index{IndexName, IndexValidFrom}},
	{Kind: KindCommit, Orders: []Index{IndexName, IndexValidFrom, IndexRole}, Filters: []Index{IndexRole}, FilteredOrders: []Index{IndexName, IndexValidFrom}},
	{Kind: KindTransition, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindAlias, Children: true, Orders: []Index{IndexVersion}, Filters: []Index{IndexVersion}, FilteredOrders: []Index{IndexName}},
	{Kind: KindTag, Children: true, Orders: []Index{IndexValidFrom}},
	{Kind: KindTag, Orders: []Index{IndexValidFrom}},
	{Kind: KindFeature, Orders: []Index{IndexValidFrom}},
	{Kind: KindDeployment, Orders: []Index{IndexName, IndexValidFrom, IndexEnded, IndexEnvironment, IndexOwner},
		Filters: []Index{IndexEnvironment, IndexOwner, IndexEnded}, FilteredOrders: []Index{IndexName, IndexValidFrom}},
}

// Lists returns the lists that use cases read.
func Lists() []List { return listTable }
