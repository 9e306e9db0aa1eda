package registry

// MLflowEvent is an event of MLflow's webhooks: an entity and what became of it.
type MLflowEvent struct {
	Entity string `json:"entity"`
	Action string `json:"action"`
}

// String returns the event as MLflow's client writes it, such as model_version.created.
func (e MLflowEvent) String() string { return e.Entity + "." + e.Action }

// MLflowEvents lists the events of MLflow's webhooks that this registry tells. MLflow also has
// budget_policy.exceeded, of which there is nothing here.
func MLflowEvents() []MLflowEvent {
	return []MLflowEvent{{"registered_model", "created"}, {"model_version", "created"}, {"model_version_tag", "set"}, {"model_version_tag", "deleted"},
		{"model_version_alias", "created"}, {"model_version_alias", "deleted"}, {"prompt", "created"}, {"prompt_version", "created"}, {"prompt_tag", "set"},
		{"prompt_tag", "deleted"}, {"prompt_version_tag", "set"}, {"prompt_version_tag", "deleted"}, {"prompt_alias", "created"}, {"prompt_alias", "deleted"}}
}

// MLflowPromptTag marks the models and versions that are prompts, by the value "true".
const MLflowPromptTag = "mlflow.prompt.is_prompt"
