package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pedigree/connect/demo"
	"pedigree/connect/dvc"
	"pedigree/connect/jsonlines"
	"pedigree/connect/remote"
	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/service/provenance"
)

// registryClient holds the registry methods that the commands call. The service over a
// local store implements it, and so does the client of a server.
type registryClient interface {
	dvc.Registry
	demo.Grower
	jsonlines.Recorder
	auditClient
	accessClient
	catalogClient
	fileClient
	artifactClient
	signatureClient
	complianceClient
	diffClient
	Export(ctx context.Context, in provenance.ExportInput) (*provenance.LineageExport, error)
	TransitionRequests(ctx context.Context, p core.Paging, f *governance.RequestFilter) (*governance.RequestConnection, error)
	TransitionRequest(ctx context.Context, id registry.ID) (*registry.TransitionRequest, error)
	ApproveTransition(ctx context.Context, in governance.DecideInput) (*governance.RequestPayload, error)
	RejectTransition(ctx context.Context, in governance.DecideInput) (*governance.RequestPayload, error)
	WithdrawTransition(ctx context.Context, in governance.DecideInput) (*governance.RequestPayload, error)
	ReviewsDue(ctx context.Context, p core.Paging, at time.Time) (*catalog.ModelConnection, error)
	ReviewsOf(ctx context.Context, m *registry.Model, p core.Paging) (*governance.ReviewConnection, error)
	SetReviewPlan(ctx context.Context, in governance.SetReviewPlanInput) (*catalog.ModelPayload, error)
	RecordReview(ctx context.Context, in governance.RecordReviewInput) (*governance.RecordReviewPayload, error)
	deprecationClient
	gateClient
	recallClient
	webhookClient
	ExportFacts(ctx context.Context, emit func(bulk.FactInput) error) (*bulk.ExportedFacts, error)
	APITokens(ctx context.Context, subject string, p core.Paging) (*access.TokenConnection, error)
	CreateAPIToken(ctx context.Context, in access.CreateAPITokenInput) (*access.CreateAPITokenPayload, error)
	RevokeAPIToken(ctx context.Context, in access.RevokeAPITokenInput) (*access.RevokeAPITokenPayload, error)
}

// catalogClient holds the methods on models, versions, aliases and the log that the commands of
// the daily work call beside those of the importers.
type catalogClient interface {
	Models(ctx context.Context, p core.Paging, f *catalog.ModelFilter, o *core.ModelOrder) (*catalog.ModelConnection, error)
	LeadingVersions(ctx context.Context, models []*registry.Model) ([]catalog.LeadingVersions, error)
	CardOf(ctx context.Context, v *registry.ModelVersion) (*registry.ModelCard, error)
	AliasesOf(ctx context.Context, m *registry.Model) ([]*registry.Alias, error)
	AliasesOfVersion(ctx context.Context, v *registry.ModelVersion) ([]*registry.Alias, error)
	UpdateModel(ctx context.Context, in catalog.UpdateModelInput) (*catalog.ModelPayload, error)
	UpdateModelVersion(ctx context.Context, in catalog.UpdateModelVersionInput) (*catalog.UpdateModelVersionPayload, error)
	UpdateModelCard(ctx context.Context, in catalog.UpdateModelCardInput) (*catalog.UpdateModelCardPayload, error)
	DeleteModel(ctx context.Context, in catalog.DeleteModelInput) (*core.DeletePayload, error)
	DeleteModelVersion(ctx context.Context, in catalog.DeleteModelVersionInput) (*core.DeletePayload, error)
	DeleteAlias(ctx context.Context, in catalog.DeleteAliasInput) (*core.DeletePayload, error)
	AuditLog(ctx context.Context, p core.Paging, f *access.LogFilter) (*access.LogEntryConnection, error)
}

// connection is the registry of the settings, and the context for its calls.
type connection struct {
	registryClient
	ctx context.Context
	// server is the URL of the server, "" for a store.
	server string
	// store is the open store, and service the one over it; both are nil when the registry is on
	// a server.
	store   graph.Store
	service *service.Service
}

// close closes the store, if one is open.
func (c *connection) close() {
	if c.store != nil {
		c.store.Close()
	}
}

// connect returns the registry of the settings: a server, as the token's subject, or a local
// store, as the operator. The caller must close it at the end.
func connect(cmd *cobra.Command, s *settings, mode storeMode) (*connection, error) {
	if server := serverURL(cmd, s); server != "" {
		purpose := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
		c, err := remote.New(server, os.Getenv("PEDIGREE_TOKEN"), remote.Purpose(purpose))
		if err != nil {
			return nil, err
		}
		return &connection{registryClient: c, ctx: cmd.Context(), server: c.Server()}, nil
	}
	o, err := openLocalRegistry(cmd.Context(), s, mode)
	if err != nil {
		return nil, err
	}
	return &connection{registryClient: o.service, ctx: asOperator(cmd.Context()), store: o.store, service: o.service}, nil
}

// serverURL returns the server's URL, or "" to open the store. A store on the command line
// has precedence over a server in the environment or the configuration file.
func serverURL(cmd *cobra.Command, s *settings) string {
	if slices.ContainsFunc(storeFlags, cmd.Flags().Changed) {
		return ""
	}
	return s.GetString("server")
}
