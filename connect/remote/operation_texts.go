package remote

import "maps"

// The operations that are sent; a test holds each to the schema.
var (
	opViewer = `query Viewer { viewer { subject roles grants { role scope } actions } }`

	opAuditCheckpoint = `query AuditCheckpoint { auditCheckpoint { origin size root note publicKey } }`

	opAuditConsistency = `query AuditConsistency($from: Int64!, $to: Int64) { auditConsistency(from: $from, to: $to) { from to fromRoot toRoot hashes } }`

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

	opSubjects = `query Subjects($first: Int, $after: String, $filter: SubjectFilter) {
		subjects(first: $first, after: $after, filter: $filter) { edges { cursor node { ` + actorFields + ` } } ` + pageFields + ` } }`

	opPolicy = `query Policy { policy { ` + policyFields + ` } }`

	opPolicyVersions = `query PolicyVersions($first: Int, $after: String) {
		policyVersions(first: $first, after: $after) { edges { cursor node { ` + policyVersionFields + ` } } ` + pageFields + ` } }`

	opExplain = `query Explain($role: String!, $field: String, $action: String, $on: ID, $to: Stage, $alias: String) {
		explain(role: $role, field: $field, action: $action, on: $on, to: $to, alias: $alias) { role object allowed rule { ` + ruleFields + ` } why version hash } }`
)

// tokenFields are the fields of an API token.
const tokenFields = `id subject name roles models createdBy createdAt expiresAt revokedAt lastUsedAt`

// The operations on API tokens.
var (
	opAPITokens = `query ApiTokens($subject: String, $first: Int, $after: String) {
		page: apiTokens(subject: $subject, first: $first, after: $after) { edges { cursor node { ` + tokenFields + ` } } ` + pageFields + ` } }`

	opCreateAPIToken = `mutation CreateApiToken($input: CreateApiTokenInput!) { createApiToken(input: $input) { token apiToken { ` + tokenFields + ` } } }`

	opRevokeAPIToken = `mutation RevokeApiToken($input: RevokeApiTokenInput!) { revokeApiToken(input: $input) { apiToken { ` + tokenFields + ` } } }`
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

	opAssignRole = `mutation AssignRole($input: AssignRoleInput!) { assignRole(input: $input) { subject { ` + actorFields + ` } changed } }`

	opRevokeRole = `mutation RevokeRole($input: RevokeRoleInput!) { revokeRole(input: $input) { subject { ` + actorFields + ` } changed } }`

	opPutPolicyRule = `mutation PutPolicyRule($input: PutPolicyRuleInput!) { putPolicyRule(input: $input) { rule { ` + ruleFields + ` } policy { ` + policyFields + ` } changed } }`

	opWithdrawPolicyRule = `mutation WithdrawPolicyRule($input: WithdrawPolicyRuleInput!) { withdrawPolicyRule(input: $input) { policy { ` + policyFields + ` } changed } }`

	opRevertPolicy = `mutation RevertPolicy($input: RevertPolicyInput!) { revertPolicy(input: $input) { policy { ` + policyFields + ` } changed } }`

	opSetAlias = `mutation SetAlias($input: SetAliasInput!) { setAlias(input: $input) { alias { ` + aliasFields + ` } } }`
)

// operations lists every text, by the name of its root field.
func operations() map[string]string {
	all := map[string]string{"viewer": opViewer, "nodes": opNodes, "model": opModel, "modelVersion": opModelVersion, "modelOf": opModelOf,
		"productionVersion": opProductionVersion, "run": opRun, "transitions": opTransitions, "versions": opVersions, "upstream": opUpstream, "tags": opTags, "deployments": opDeployments, "lineageExport": opLineageExport,
		"recordCommits": opRecordCommits, "recordTag": opRecordTag, "recordDatasetVersion": opRecordDatasetVersion, "recordRun": opRecordRun,
		"recordFeature": opRecordFeature, "recordDeployment": opRecordDeployment, "endDeployment": opEndDeployment, "linkLineage": opLinkLineage, "recordFacts": opRecordFacts,
		"auditCheckpoint": opAuditCheckpoint, "auditConsistency": opAuditConsistency,
		"registerModel": opRegisterModel, "registerModelVersion": opRegisterModelVersion, "transitionModelVersion": opTransitionModelVersion, "setAlias": opSetAlias,
		"apiTokens": opAPITokens, "createApiToken": opCreateAPIToken, "revokeApiToken": opRevokeAPIToken,
		"subjects": opSubjects, "policy": opPolicy, "policyVersions": opPolicyVersions, "explain": opExplain, "assignRole": opAssignRole, "revokeRole": opRevokeRole,
		"putPolicyRule": opPutPolicyRule, "withdrawPolicyRule": opWithdrawPolicyRule, "revertPolicy": opRevertPolicy,
		"transitionRequests": opTransitionRequests, "transitionRequest": opTransitionRequest, "reviewsDue": opReviewsDue, "reviews": opReviews, "approveTransition": opApproveTransition,
		"rejectTransition": opRejectTransition, "withdrawTransition": opWithdrawTransition, "recordReview": opRecordReview, "setReviewPlan": opSetReviewPlan, "putTransitionGuard": opPutTransitionGuard, "auditLog": opAuditLog}
	maps.Copy(all, catalogOperations())
	maps.Copy(all, deprecationOperations())
	maps.Copy(all, map[string]string{"gates": opGates, "testGate": opTestGate, "checkTransition": opCheckTransition, "putGate": opPutGate, "withdrawGate": opWithdrawGate})
	maps.Copy(all, recallOperations())
	maps.Copy(all, webhookOperations())
	maps.Copy(all, signatureOperations())
	maps.Copy(all, map[string]string{"artifacts": opArtifacts, "sweepArtifacts": opSweepArtifacts})
	return all
}
