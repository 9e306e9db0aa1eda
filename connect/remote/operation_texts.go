package remote

// The operations that are sent; a test holds each to the schema.
var (
	opViewer = `query Viewer { viewer { subject roles grants { role scope } actions } }`

	opNodes = `query Nodes($ids: [ID!]!, $asOf: DateTime, $knownAt: DateTime) { nodes: nodesAt(ids: $ids, asOf: $asOf, knownAt: $knownAt) { ` + anyFields + ` } }`

	opModel = `query Model($name: String!, $asOf: DateTime, $knownAt: DateTime) { model(name: $name, asOf: $asOf, knownAt: $knownAt) { ` + modelFields + ` } }`

	opModelVersion = `query ModelVersion($model: String!, $version: String!, $asOf: DateTime, $knownAt: DateTime) { modelVersion(model: $model, version: $version, asOf: $asOf, knownAt: $knownAt) { ` + versionFields + ` } }`

	opModelOf = `query ModelOf($id: ID!) { node(id: $id) { ... on ModelVersion { model { ` + modelFields + ` } } } }`

	opProductionVersion = `query ProductionVersion($id: ID!) { node(id: $id) { ... on Model { productionVersion { ` + versionFields + ` } } } }`

	opRun = `query Run($id: ID, $producer: String, $runId: String, $asOf: DateTime, $knownAt: DateTime) { run(id: $id, producer: $producer, runId: $runId, asOf: $asOf, knownAt: $knownAt) { ` + runFields + ` } }`

	opTransitions = `query Transitions($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on ModelVersion {
		page: transitions(first: $first, after: $after) { edges { cursor node { ` + transitionFields + ` } } ` + pageFields + ` } } } }`

	opVersions = `query Versions($id: ID!, $first: Int, $after: String, $filter: ModelVersionFilter, $orderBy: ModelVersionOrder) { node(id: $id) { ... on Model {
		page: versions(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { edges { cursor node { ` + versionFields + ` } } ` + pageFields + ` } } } }`

	opUpstream = `query Upstream($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on ModelVersion {
		page: upstream(first: $first, after: $after) { edges { cursor node { __typename ... on Tag { ` + tagFields + ` } ... on Run { id kind revision producer runId } ... on DatasetVersion { id kind revision digest } } } ` + pageFields + ` } } } }`

	opTags = `query Tags($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Repository {
		page: tags(first: $first, after: $after) { edges { cursor node { ` + tagFields + ` } } ` + pageFields + ` } } } }`

	opDeployments = `query Deployments($first: Int, $after: String, $filter: DeploymentFilter, $orderBy: DeploymentOrder) {
		deployments(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { edges { cursor node { ` + deploymentFields + ` } } ` + pageFields + ` } }`

	opLineageExport = `query LineageExport($of: ID!, $format: ExportFormat!, $direction: LineageDirection!, $maxDepth: Int, $history: Int, $asOf: DateTime, $knownAt: DateTime) {
		lineageExport(of: $of, format: $format, direction: $direction, maxDepth: $maxDepth, history: $history, asOf: $asOf, knownAt: $knownAt) {
			format mediaType filename body historyCut asOf knownAt truncation { truncated reasons frontier redacted } } }`
)

// anyFields reads a node of any type that a client asks for by its id.
var anyFields = `__typename id ... on Model { ` + modelFields + ` } ... on Repository { ` + repositoryFields + ` } ... on ModelVersion { ` + versionFields +
	` } ... on DatasetVersion { ` + stateFields + ` } ... on Run { ` + runFields + ` } ... on Commit { ` + commitFields + ` } ... on Tag { ` + tagFields +
	` } ... on Feature { ` + featureFields + ` } ... on Deployment { ` + deploymentFields + ` }`

// The mutations; every one takes one input.
var (
	opRecordCommits = `mutation RecordCommits($input: RecordCommitsInput!) { recordCommits(input: $input) {
		repository { ` + repositoryFields + ` } commits { __typename id kind revision name sha } created notTaken } }`

	opRecordTag = `mutation RecordTag($input: RecordTagInput!) { recordTag(input: $input) { tag { ` + tagFields + ` } created notTaken } }`

	opRecordDatasetVersion = `mutation RecordDatasetVersion($input: RecordDatasetVersionInput!) { recordDatasetVersion(input: $input) {
		datasetVersion { ` + stateFields + ` } created notTaken } }`

	opRecordRun = `mutation RecordRun($input: RecordRunInput!) { recordRun(input: $input) { run { ` + runFields + ` } created unchanged notTaken } }`

	opRecordFeature = `mutation RecordFeature($input: RecordFeatureInput!) { recordFeature(input: $input) { feature { ` + featureFields + ` } created notTaken } }`

	opRecordDeployment = `mutation RecordDeployment($input: RecordDeploymentInput!) { recordDeployment(input: $input) { deployment { ` + deploymentFields + ` } created notTaken } }`

	opEndDeployment = `mutation EndDeployment($input: EndDeploymentInput!) { endDeployment(input: $input) { deployment { ` + deploymentFields + ` } } }`

	opLinkLineage = `mutation LinkLineage($input: LinkLineageInput!) { linkLineage(input: $input) { edge { ` + edgeFields + ` } created } }`

	opRecordFacts = `mutation RecordFacts($input: RecordFactsInput!) { recordFacts(input: $input) { facts { index kind id created merged } created merged unchanged } }`

	opRegisterModel = `mutation RegisterModel($input: RegisterModelInput!) { registerModel(input: $input) { model { ` + modelFields + ` } } }`

	opRegisterModelVersion = `mutation RegisterModelVersion($input: RegisterModelVersionInput!) { registerModelVersion(input: $input) {
		modelVersion { ` + versionFields + ` } } }`

	opTransitionModelVersion = `mutation TransitionModelVersion($input: TransitionModelVersionInput!) { transitionModelVersion(input: $input) {
		version { ` + versionFields + ` } transition { ` + transitionFields + ` } request { ` + requestFields + ` } } }`

	opSetAlias = `mutation SetAlias($input: SetAliasInput!) { setAlias(input: $input) { alias { ` + aliasFields + ` } } }`
)

// operations lists every text, by the name of its root field.
func operations() map[string]string {
	return map[string]string{"viewer": opViewer, "nodes": opNodes, "model": opModel, "modelVersion": opModelVersion, "modelOf": opModelOf,
		"productionVersion": opProductionVersion, "run": opRun, "transitions": opTransitions, "versions": opVersions, "upstream": opUpstream, "tags": opTags, "deployments": opDeployments, "lineageExport": opLineageExport,
		"recordCommits": opRecordCommits, "recordTag": opRecordTag, "recordDatasetVersion": opRecordDatasetVersion, "recordRun": opRecordRun,
		"recordFeature": opRecordFeature, "recordDeployment": opRecordDeployment, "endDeployment": opEndDeployment, "linkLineage": opLinkLineage, "recordFacts": opRecordFacts,
		"registerModel": opRegisterModel, "registerModelVersion": opRegisterModelVersion, "transitionModelVersion": opTransitionModelVersion, "setAlias": opSetAlias,
		"transitionRequests": opTransitionRequests, "transitionRequest": opTransitionRequest, "reviewsDue": opReviewsDue, "reviews": opReviews, "approveTransition": opApproveTransition,
		"rejectTransition": opRejectTransition, "withdrawTransition": opWithdrawTransition, "recordReview": opRecordReview}
}
