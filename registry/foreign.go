package registry

// Foreign records are what Kubeflow's clients keep here and this registry has no noun for: a
// serving environment, an inference service, a metric with its steps. Package service/kubeflow
// writes and reads them; no other API shows them.

// The parents of foreign records that belong to no node. They are no nodes.
const (
	ServingEnvironments ID = "kubeflow_serving_environments"
	Experiments         ID = "kubeflow_experiments"
	LooseArtifacts      ID = "kubeflow_artifacts"
	ExternalIDs         ID = "kubeflow_external_ids"
)

// ForeignID is the id of a foreign record by its type and its key within the type.
func ForeignID(kind string, key ...string) ID {
	return NewID(KindForeign, append([]string{kind}, key...)...)
}

// The tags of a model or version that say what Kubeflow knows of it and this registry has no field
// for.
const KubeflowTags = "pedigree.kubeflow."
