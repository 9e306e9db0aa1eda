package v1

import (
	"context"
	"reflect"

	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/rest/wire"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// texts returns the values of an enum as texts.
func texts[E ~string](values ...E) (reflect.Type, []string) {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return reflect.TypeFor[E](), out
}

// enums are the types whose texts are one of a few values.
func enums() map[reflect.Type][]string {
	out := map[reflect.Type][]string{}
	add := func(t reflect.Type, values []string) { out[t] = values }
	add(texts(registry.Stages()...))
	add(texts(registry.Kinds()...))
	add(texts(registry.EdgeKinds()...))
	add(texts(registry.RunKinds()...))
	add(texts(registry.RunStatuses()...))
	add(texts(registry.FacetOfRun, registry.FacetOfJob, registry.FacetOfInput, registry.FacetOfOutput, registry.FacetOfDataset))
	add(texts(registry.DataRoles()...))
	add(texts(registry.ReviewDecisions()...))
	add(texts(registry.RequestStatuses()...))
	add(texts(registry.DeprecationSteps()...))
	add(texts(registry.NoticeOwner, registry.NoticeDeployment, registry.NoticeUsage))
	add(texts(registry.ExecuteAtOnce, registry.ExecuteLater))
	add(texts(registry.GuardRegistry, registry.GuardModel, registry.GuardTag))
	add(texts(registry.ProfileOpen, registry.ProfileGuarded))
	add(texts(registry.BumpMajor, registry.BumpMinor, registry.BumpPatch))
	add(texts(registry.DirectTransformation, registry.IndirectTransformation))
	add(texts(lineage.Upstream, lineage.Downstream, lineage.Both))
	add(texts(lineage.ReasonDepth, lineage.ReasonNodes, lineage.ReasonFanout, lineage.ReasonTime, lineage.ReasonAccess))
	add(texts(lineage.VersionWithoutTraining, lineage.VersionWithoutData, lineage.RunWithoutCommit, lineage.DatasetWithoutSource, lineage.CardContradictsGraph, lineage.RunNotRead))
	add(texts(governance.AllRequests, governance.MyRequests, governance.WaitingForMe))
	add(texts(governance.BlockedByLifecycle, governance.BlockedByPermission, governance.BlockedByApprovals, governance.BlockedByVoid, governance.BlockedBySignature, governance.BlockedByGate, governance.BlockedByRecall))
	add(texts(registry.WebhookFormats()...))
	add(texts(registry.WebhookEvents()...))
	add(texts(registry.WebhookActive, registry.WebhookPaused, registry.WebhookFailing))
	add(texts(registry.TellAtOnce, registry.TellDaily))
	add(texts(registry.DeliveryOutcomes()...))
	add(texts(registry.GateEnforce, registry.GateWarn))
	add(texts(registry.GatePass, registry.GateFail, registry.GateUnknown))
	add(texts(registry.GateAllModels, registry.GateModels, registry.GateTag))
	add(texts(gates.FactKnown, gates.FactUnknown, gates.FactHidden))
	add(texts(registry.PackagingMLmodel, registry.PackagingRequirements, registry.PackagingConda, registry.PackagingPythonEnv))
	add(texts(registry.SignatureOfModel, registry.SignatureOfBuild))
	add(texts(catalog.Signed, catalog.SignatureMismatch, catalog.SignatureUntrusted, catalog.SignatureInvalid))
	add(texts[catalog.SignerKind]("KEY", "CERTIFICATE", "IDENTITY"))
	add(texts[catalog.SignedFileState]("MISMATCH", "MISSING", "EXTRA", "UNKNOWN"))
	add(texts(registry.PolicyRulePut, registry.PolicyRuleWithdrawn, registry.PolicyReverted))
	add(texts[core.OrderDirection]("ASC", "DESC"))
	add(texts[core.ModelOrderField]("NAME", "CREATED_AT", "OWNER"))
	add(texts[core.ModelVersionOrderField]("VERSION", "CREATED_DATE", "NUMBER", "OWNER"))
	add(texts[core.DatasetOrderField]("NAME", "NAMESPACE", "CREATED_AT", "OWNER"))
	add(texts[core.RunOrderField]("NAME", "STARTED_AT", "RUN_KIND"))
	add(texts[core.CommitOrderField]("COMMITTED_AT", "SHA", "ROLE"))
	add(texts[core.DeploymentOrderField]("NAME", "STARTED_AT", "ENDED_AT", "ENVIRONMENT", "OWNER"))
	add(texts(registry.RecallSeverities()...))
	add(texts(registry.RecallOpen, registry.RecallCleared))
	add(texts(registry.NotRecalled, registry.IsRecalled, registry.RecallUnknown))
	add(texts(registry.RecallHandlings()...))
	return out
}

// names are the names that the REST API has of its own, by type and field; "-" is left out.
var names = map[string]string{
	"Kind":                           "NodeKind",
	"foundNode":                      "SearchEdge",
	"modelBody":                      "ModelWithVersions",
	"versionBody":                    "VersionWithCard",
	"viewerBody":                     "Viewer",
	"lineageBody":                    "LineageGraph",
	"impactBody":                     "Impact",
	"affectedBody":                   "RecallImpact",
	"webhookBody":                    "Webhook",
	"webhookAnswer":                  "CreateWebhookPayload",
	"NotificationSettingsPayload":    "UpdateNotificationSettingsPayload",
	"Direction":                      "LineageDirection",
	"Reason":                         "TruncationReason",
	"FactState":                      "GateFactState",
	"BlockerKind":                    "TransitionBlockerKind",
	"RequestScope":                   "TransitionRequestScope",
	"ModelVersion.stage":             "status",
	"Transition.from":                "from_stage",
	"Transition.to":                  "to_stage",
	"TransitionRequest.from":         "from_stage",
	"TransitionRequest.to":           "to_stage",
	"TransitionModelVersionInput.to": "to_stage",
	"CheckTransitionInput.to":        "to_stage",
	"TransitionApproval.grants":      "-",
	"LogEntry.at":                    "timestamp",
	"LogEntry.actor":                 "performed_by",
	"LogEntry.reason":                "change_reason",
	"LogFilter.actor":                "performed_by",
	"ModelOrder.field":               "order_by",
	"ModelVersionOrder.field":        "order_by",
	"DatasetOrder.field":             "order_by",
	"RunOrder.field":                 "order_by",
	"CommitOrder.field":              "order_by",
	"DeploymentOrder.field":          "order_by",
}

// versions are the text fields that hold a version.
var versions = []string{"ModelVersion.version", "ModelCard.version", "Deployment.version", "Alias.version", "TransitionRequest.version", "Review.version", "Deprecation.version", "Model.used"}

// newCodec returns the codec of this API. Its virtual fields read through the service.
func newCodec(s *service.Service) *wire.Codec {
	virtuals := virtualFields(s)
	addRecallMarks[registry.ModelVersion](s, virtuals)
	addRecallMarks[registry.DatasetVersion](s, virtuals)
	addRecallMarks[registry.Run](s, virtuals)
	addRecallMarks[registry.Feature](s, virtuals)
	addRecallMarks[registry.Commit](s, virtuals)
	addRecallMarks[registry.Tag](s, virtuals)
	addRecallMarks[registry.Deployment](s, virtuals)
	return wire.New(wire.Config{Enums: enums(), Names: names, Versions: versions, Virtuals: virtuals})
}

// addRecallMarks adds to a noun whether it is recalled, and under which recalls it stands. The
// objects of a page are walked together.
func addRecallMarks[O any, N interface {
	*O
	registry.Node
}](s *service.Service, virtuals map[reflect.Type][]wire.Virtual) {
	noun := reflect.TypeFor[O]()
	virtuals[noun] = append(virtuals[noun],
		virtual("recall_state", noun.Name()+".recallState", func(ctx context.Context, o *O) (*registry.RecallState, error) {
			if ctx.Value(unmarked{}) != nil {
				return nil, nil
			}
			return s.RecallStateOf(ctx, N(o))
		}),
		virtual("recalls", noun.Name()+".recalls", func(ctx context.Context, o *O) ([]registry.ID, error) {
			if ctx.Value(unmarked{}) != nil {
				return nil, nil
			}
			return s.RecallsOf(ctx, N(o))
		}))
}

// unmarked is the key of a context in which objects are written without the marks of recalls. What a
// recall concerns has that mark; to walk up from each of many thousands again would find nothing new.
type unmarked struct{}

// virtualFields are the fields that are read when an object is written, by its type.
func virtualFields(s *service.Service) map[reflect.Type][]wire.Virtual {
	return map[reflect.Type][]wire.Virtual{
		// What a field of these refers to is shown only to who sees it.
		reflect.TypeFor[registry.ModelVersion](): {virtual("replaced_by", "", func(ctx context.Context, v *registry.ModelVersion) (*registry.ID, error) {
			return s.ReplacementOf(ctx, v)
		}), virtual("deprecation", "", func(ctx context.Context, v *registry.ModelVersion) (*registry.Deprecation, error) {
			return s.DeprecationOf(ctx, v)
		})},
		reflect.TypeFor[registry.Deprecation](): {virtual("replacement_id", "", func(ctx context.Context, d *registry.Deprecation) (*registry.ID, error) {
			return s.ReplacementIDOf(ctx, d)
		})},
		reflect.TypeFor[registry.Recall](): {virtual("nodes", "", func(ctx context.Context, r *registry.Recall) ([]registry.ID, error) {
			nodes, err := s.NodesOfRecall(ctx, r)
			return idsOf(nodes), err
		}), virtual("fixed_by", "", func(ctx context.Context, r *registry.Recall) ([]registry.ID, error) {
			nodes, err := s.FixesOfRecall(ctx, r)
			return idsOf(nodes), err
		})},
		reflect.TypeFor[registry.Transition](): {virtual("replaced_by", "", func(ctx context.Context, t *registry.Transition) (*registry.ID, error) {
			return s.ReplacementIn(ctx, t)
		})},
		reflect.TypeFor[registry.Feature](): {virtual("of", "", func(ctx context.Context, f *registry.Feature) (*registry.ID, error) { return s.SubjectOf(ctx, f) })},
		reflect.TypeFor[registry.DatasetVersion](): {virtual("columns", "", func(ctx context.Context, v *registry.DatasetVersion) ([]*registry.Column, error) {
			return s.ColumnsOf(ctx, v)
		})},
		reflect.TypeFor[registry.Column](): {virtual("derived_from", "", func(ctx context.Context, c *registry.Column) ([]*registry.ColumnSource, error) {
			return s.SourcesOf(ctx, c)
		})},
		reflect.TypeFor[registry.TransitionEvidence](): {virtual("upstream", "", func(ctx context.Context, e *registry.TransitionEvidence) ([]*registry.UpstreamNode, error) {
			return s.EvidenceUpstream(ctx, e)
		})},
		reflect.TypeFor[registry.Consumer]():  {virtual("migrated", "Consumer.migrated", func(_ context.Context, c *registry.Consumer) (bool, error) { return c.Migrated(), nil })},
		reflect.TypeFor[registry.Signature](): {virtual("verification", "Signature.verification", readVerification(s))},
		reflect.TypeFor[registry.LogEntry]():  {stageOf("from_stage", "from"), stageOf("to_stage", "to")},
		reflect.TypeFor[modelBody]():          modelFields(s),
		reflect.TypeFor[versionBody]():        versionFields(s),
	}
}

// idsOf returns the ids of nodes as the caller is told them.
func idsOf(nodes []registry.ProvenanceNode) (out []registry.ID) {
	for _, n := range nodes {
		out = append(out, n.NodeMeta().ID)
	}
	return out
}

// virtual makes a virtual field of objects of type O. of is the field of the noun whose sight
// decides, as Noun.field.
func virtual[O, V any](name, of string, read func(context.Context, *O) (V, error)) wire.Virtual {
	return wire.Virtual{Name: name, Of: of, Type: reflect.TypeFor[V](), Read: func(ctx context.Context, o any) (any, error) { return read(ctx, o.(*O)) }}
}
