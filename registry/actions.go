package registry

import "slices"

// Action is something that a policy can allow a role to do. An action that no
// policy names is denied.
type Action string

// The actions.
const (
	CatalogRead         Action = "catalog.read"
	LineageRead         Action = "lineage.read"
	LogRead             Action = "log.read"
	MetricsRead         Action = "metrics.read"
	ViewerRead          Action = "viewer.read"
	ModelRegister       Action = "model.register"
	VersionRegister     Action = "version.register"
	ModelUpdate         Action = "model.update"
	ModelRename         Action = "model.rename"
	CardUpdate          Action = "card.update"
	TransitionDo        Action = "transition"
	TransitionForce     Action = "transition.force"
	TransitionRequestDo Action = "transition.request"
	VersionDelete       Action = "version.delete"
	ModelDelete         Action = "model.delete"
	AliasSet            Action = "alias.set"
	AliasSetProtected   Action = "alias.set.protected"
	AliasDelete         Action = "alias.delete"
	DatasetRecord       Action = "dataset.record"
	RunRecord           Action = "run.record"
	CommitRecord        Action = "commit.record"
	TagRecord           Action = "tag.record"
	DeploymentRecord    Action = "deployment.record"
	DeploymentEnd       Action = "deployment.end"
	FeatureRecord       Action = "feature.record"
	LineageLink         Action = "lineage.link"
	// LineageRetract withdraws the caller's own facts, LineageRetractAny anybody's.
	LineageRetract    Action = "lineage.retract"
	LineageRetractAny Action = "lineage.retract.any"
	// FactsRecord opens a batch of facts; each fact needs its own action too.
	FactsRecord  Action = "facts.record"
	AccessManage Action = "access.manage"
	// TokenManageOwn makes, lists and revokes the caller's own tokens, TokenManageAny anybody's.
	TokenManageOwn Action = "token.manage.own"
	TokenManageAny Action = "token.manage.any"
	// RequestRead lists the transition requests of all models.
	RequestRead Action = "request.read"
	// TransitionApprove decides on transition requests of others.
	TransitionApprove Action = "transition.approve"
	// GovernanceConfigure sets which transitions need approvals.
	GovernanceConfigure Action = "governance.configure"
	ReviewPlan          Action = "review.plan"
	ReviewRecord        Action = "review.record"
	// DeprecationRead lists the deprecations of all models.
	DeprecationRead Action = "deprecation.read"
	// DeprecationPlan plans deprecations, DeprecationAnnounce announces them, and each withdraws
	// what it does. Retiring a version is a transition, cleaning up after it a deletion.
	DeprecationPlan     Action = "deprecation.plan"
	DeprecationAnnounce Action = "deprecation.announce"
	// MigrationConfirm answers that the caller uses a deprecated version no more.
	MigrationConfirm Action = "migration.confirm"
	// RecallRead lists all recalls. RecallWrite recalls nodes and asks for recalls to be cleared,
	// RecallClear decides on that, RecallResolve says how affected deployments were dealt with.
	RecallRead    Action = "recall.read"
	RecallWrite   Action = "recall.write"
	RecallClear   Action = "recall.clear"
	RecallResolve Action = "recall.resolve"
	// ArtifactRead downloads the files of a version that the caller sees, ArtifactWrite uploads and
	// removes them.
	ArtifactRead  Action = "artifact.read"
	ArtifactWrite Action = "artifact.write"
	// ArtifactVerify reads files that lie elsewhere, to compare them with their digests.
	ArtifactVerify Action = "artifact.verify"
	// SignatureAttach keeps signed bundles beside versions.
	SignatureAttach Action = "signature.attach"
	// SignatureDetach removes signed bundles from versions.
	SignatureDetach Action = "signature.detach"
	// ArtifactSweep removes stored files that no version names.
	ArtifactSweep Action = "artifact.sweep"
	// WebhookManageOwn makes, changes and lists the caller's own webhooks, WebhookManageAny anybody's.
	WebhookManageOwn Action = "webhook.manage.own"
	WebhookManageAny Action = "webhook.manage.any"
)

// Actions lists every action.
func Actions() []Action {
	return []Action{CatalogRead, LineageRead, LogRead, MetricsRead, ViewerRead, ModelRegister, VersionRegister, ModelUpdate, ModelRename, CardUpdate,
		TransitionDo, TransitionForce, TransitionRequestDo, VersionDelete, ModelDelete, AliasSet, AliasSetProtected, AliasDelete,
		DatasetRecord, RunRecord, CommitRecord, TagRecord, DeploymentRecord, DeploymentEnd, FeatureRecord, LineageLink,
		LineageRetract, LineageRetractAny, FactsRecord, AccessManage, TokenManageOwn, TokenManageAny,
		RequestRead, TransitionApprove, GovernanceConfigure, ReviewPlan, ReviewRecord,
		DeprecationRead, DeprecationPlan, DeprecationAnnounce, MigrationConfirm,
		RecallRead, RecallWrite, RecallClear, RecallResolve, ArtifactRead, ArtifactWrite, ArtifactVerify, SignatureAttach, SignatureDetach, ArtifactSweep, WebhookManageOwn, WebhookManageAny}
}

// IsAction reports whether a text is the name of an action.
func IsAction(s string) bool { return slices.Contains(Actions(), Action(s)) }

// Operation is a root field of the GraphQL API and the action that it needs. It is a query when it is
// neither a mutation nor a subscription.
type Operation struct {
	Mutation, Subscription bool
	Name                   string
	Action                 Action
}

// Operations lists every root field with its action. A root field that is not listed
// is a bug: it has no permission.
func Operations() []Operation {
	q := func(a Action, names ...string) (out []Operation) {
		for _, n := range names {
			out = append(out, Operation{Name: n, Action: a})
		}
		return out
	}
	ops := q(CatalogRead, "node", "nodes", "nodeAt", "nodesAt", "models", "model", "modelVersion", "datasets", "dataset", "datasetVersion",
		"runs", "run", "commits", "commit", "features", "deployments", "search")
	ops = append(ops, q(ViewerRead, "viewer")...)
	ops = append(ops, q(LineageRead, "lineage", "lineageCounts", "lineageDiff", "lineageExport", "provenance", "impact", "paths", "columnLineage", "recallAffected")...)
	ops = append(ops, q(LogRead, "auditLog", "auditCheckpoint", "auditProof", "auditConsistency")...)
	ops = append(ops, q(TokenManageOwn, "apiTokens")...)
	ops = append(ops, q(AccessManage, "subjects", "roles", "policy", "policyVersions", "explain")...)
	ops = append(ops, q(RequestRead, "transitionRequests")...)
	ops = append(ops, q(DeprecationRead, "deprecations")...)
	ops = append(ops, q(RecallRead, "recalls")...)
	ops = append(ops, q(CatalogRead, "recall")...)
	ops = append(ops, q(GovernanceConfigure, "testGate")...)
	ops = append(ops, q(ArtifactRead, "artifact")...)
	ops = append(ops, q(WebhookManageOwn, "webhooks", "webhook")...)
	ops = append(ops, q(CatalogRead, "transitionGuards", "gates", "gate", "checkTransition", "reviewsDue", "complianceReport")...)
	return append(append(ops, mutations()...), subscriptions()...)
}

// mutations lists the mutations with their actions.
func mutations() (ops []Operation) {
	m := func(name string, a Action) { ops = append(ops, Operation{Mutation: true, Name: name, Action: a}) }
	m("registerModel", ModelRegister)
	m("registerModelVersion", VersionRegister)
	m("updateModel", ModelUpdate)
	m("updateModelVersion", ModelUpdate)
	m("renameModel", ModelRename)
	m("updateModelCard", CardUpdate)
	m("transitionModelVersion", TransitionDo)
	m("deleteModelVersion", VersionDelete)
	m("deleteModel", ModelDelete)
	m("setAlias", AliasSet)
	m("deleteAlias", AliasDelete)
	m("recordDatasetVersion", DatasetRecord)
	m("recordRun", RunRecord)
	m("recordCommits", CommitRecord)
	m("recordTag", TagRecord)
	m("recordDeployment", DeploymentRecord)
	m("endDeployment", DeploymentEnd)
	m("recordFeature", FeatureRecord)
	m("linkLineage", LineageLink)
	m("retractLineage", LineageRetract)
	m("recordFacts", FactsRecord)
	m("createApiToken", TokenManageOwn)
	m("revokeApiToken", TokenManageOwn)
	for _, name := range []string{"assignRole", "revokeRole", "putPolicyRule", "withdrawPolicyRule", "revertPolicy"} {
		m(name, AccessManage)
	}
	m("approveTransition", TransitionApprove)
	m("rejectTransition", TransitionApprove)
	m("withdrawTransition", TransitionRequestDo)
	m("putTransitionGuard", GovernanceConfigure)
	m("deleteTransitionGuard", GovernanceConfigure)
	m("putGate", GovernanceConfigure)
	m("withdrawGate", GovernanceConfigure)
	m("setReviewPlan", ReviewPlan)
	m("recordReview", ReviewRecord)
	m("planDeprecation", DeprecationPlan)
	m("announceDeprecation", DeprecationAnnounce)
	m("withdrawDeprecation", DeprecationPlan)
	m("confirmMigration", MigrationConfirm)
	m("recall", RecallWrite)
	m("clearRecall", RecallWrite)
	m("decideRecallClearing", RecallClear)
	m("resolveRecallDeployment", RecallResolve)
	m("retireModelVersion", TransitionDo)
	m("cleanupModelVersion", VersionDelete)
	m("deleteArtifact", ArtifactWrite)
	m("verifyArtifact", ArtifactVerify)
	m("attachSignature", SignatureAttach)
	m("detachSignature", SignatureDetach)
	m("sweepArtifacts", ArtifactSweep)
	for _, name := range []string{"createWebhook", "updateWebhook", "deleteWebhook", "rotateWebhookSecret", "testWebhook", "replayWebhook"} {
		m(name, WebhookManageOwn)
	}
	m("updateNotificationSettings", ViewerRead)
	return ops
}

// subscriptions lists the subscriptions with their actions.
func subscriptions() (ops []Operation) {
	s := func(name string, a Action) { ops = append(ops, Operation{Subscription: true, Name: name, Action: a}) }
	s("transitions", CatalogRead)
	s("approvals", RequestRead)
	s("deprecationNotices", DeprecationRead)
	s("recalls", RecallRead)
	s("logEntries", LogRead)
	return ops
}

// LogAction is the action that a log entry records.
type LogAction string

// The log actions.
const (
	LogModelRegistered    LogAction = "model_registered"
	LogModelUpdated       LogAction = "model_updated"
	LogModelRenamed       LogAction = "model_renamed"
	LogModelRemoved       LogAction = "model_deleted"
	LogVersionRegistered  LogAction = "version_registered"
	LogVersionUpdated     LogAction = "version_updated"
	LogVersionDeleted     LogAction = "version_deleted"
	LogCardUpdated        LogAction = "card_updated"
	LogStageChanged       LogAction = "stage_changed"
	LogModelDeployed      LogAction = "model_deployed"   // into PRODUCTION
	LogModelDeprecated    LogAction = "model_deprecated" // into DEPRECATED
	LogModelArchived      LogAction = "model_archived"   // into ARCHIVED
	LogAliasSet           LogAction = "alias_set"
	LogAliasDeleted       LogAction = "alias_deleted"
	LogDatasetRecorded    LogAction = "dataset_recorded"
	LogRunRecorded        LogAction = "run_recorded"
	LogCommitsRecorded    LogAction = "commits_recorded"
	LogTagRecorded        LogAction = "tag_recorded"
	LogDeploymentRecorded LogAction = "deployment_recorded"
	LogDeploymentEnded    LogAction = "deployment_ended"
	LogFeatureRecorded    LogAction = "feature_recorded"
	LogLineageLinked      LogAction = "lineage_linked"
	LogLineageRetracted   LogAction = "lineage_retracted"
	LogTokenCreated       LogAction = "token_created"
	LogTokenRevoked       LogAction = "token_revoked"
	LogSessionStarted     LogAction = "session_started"
	LogSessionEnded       LogAction = "session_ended"
	LogRoleAssigned       LogAction = "role_assigned"
	LogRoleRevoked        LogAction = "role_revoked"
	LogPolicyRulePut      LogAction = "policy_rule_put"
	LogPolicyRuleGone     LogAction = "policy_rule_withdrawn"
	LogPolicyReverted     LogAction = "policy_reverted"
	LogStoreCreated       LogAction = "store_created"
	// LogKeyAdded records the public key of a key that signs checkpoints from now on.
	LogKeyAdded             LogAction = "log_key_added"
	LogImported             LogAction = "imported"
	LogRequested            LogAction = "transition_requested"
	LogApproved             LogAction = "transition_approved"
	LogRejected             LogAction = "transition_rejected"
	LogWithdrawn            LogAction = "transition_withdrawn"
	LogVoided               LogAction = "transition_voided"
	LogGuardSet             LogAction = "transition_guard_set"
	LogGuardDeleted         LogAction = "transition_guard_deleted"
	LogGateSet              LogAction = "gate_set"
	LogGateWithdrawn        LogAction = "gate_withdrawn"
	LogReviewPlanned        LogAction = "review_planned"
	LogReviewRecorded       LogAction = "review_recorded"
	LogDeprecationPlanned   LogAction = "deprecation_planned"
	LogDeprecationAnnounced LogAction = "deprecation_announced"
	LogDeprecationWithdrawn LogAction = "deprecation_withdrawn"
	LogRecalled             LogAction = "recalled"
	LogRecallClearingAsked  LogAction = "recall_clearing_asked"
	LogRecallClearingDenied LogAction = "recall_clearing_denied"
	LogRecallCleared        LogAction = "recall_cleared"
	LogRecallResolved       LogAction = "recall_resolved"
	LogMigrationConfirmed   LogAction = "migration_confirmed"
	LogVersionRetired       LogAction = "version_retired"
	LogVersionCleanedUp     LogAction = "version_cleaned_up"
	LogFileStored           LogAction = "file_stored"
	LogFileRemoved          LogAction = "file_removed"
	LogFilesSwept           LogAction = "files_swept"
	LogArtifactVerified     LogAction = "artifact_verified"
	LogSignatureAttached    LogAction = "signature_attached"
	LogSignatureDetached    LogAction = "signature_detached"
	LogWebhookCreated       LogAction = "webhook_created"
	LogWebhookUpdated       LogAction = "webhook_updated"
	LogWebhookDeleted       LogAction = "webhook_deleted"
	LogWebhookRotated       LogAction = "webhook_secret_rotated"
	LogWebhookTested        LogAction = "webhook_tested"
	LogWebhookReplayed      LogAction = "webhook_replayed"
	// LogNotificationsSet says that a subject changed what it is told, and how.
	LogNotificationsSet LogAction = "notifications_set"
	// LogConsumersKnown says that somebody became a consumer by using a version. Who, and how
	// often, is not in the log.
	LogConsumersKnown LogAction = "consumers_known"
	// LogForeignRecorded says that a client of a foreign API recorded or changed something that
	// this registry has no noun for.
	LogForeignRecorded LogAction = "foreign_recorded"
)

// StageLogAction is the log action of a transition into a stage.
func StageLogAction(to Stage) LogAction {
	switch to {
	case Production:
		return LogModelDeployed
	case Deprecated:
		return LogModelDeprecated
	case Archived:
		return LogModelArchived
	}
	return LogStageChanged
}
