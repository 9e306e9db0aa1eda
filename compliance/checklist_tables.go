package compliance

// ruleTable is a set of headings with the evidence that is looked for under each. Headings stand by
// number and short title alone: what they ask for is in the rules themselves. A heading without
// evidence is one of which the registry keeps no fact.
type ruleTable struct {
	name string
	rows []ruleRow
}

type ruleRow struct {
	number, title string
	evidence      []string
}

var ruleTables = []ruleTable{euAIActAnnexIV, nistAIRMF, sr117}

var euAIActAnnexIV = ruleTable{"EU AI Act (Regulation (EU) 2024/1689), Annex IV", []ruleRow{
	{"1(a)", "Intended purpose, provider, version", []string{"model description", "version", "version description", "owner", "earlier stages"}},
	{"1(b)", "Interaction with other hardware and software", []string{"deployments"}},
	{"1(c)", "Versions of relevant software and firmware", []string{"framework", "code"}},
	{"1(d)", "Forms in which it is placed on the market", []string{"files"}},
	{"1(e)", "Hardware on which it is to run", nil},
	{"1(f)", "Illustrations of products with it", nil},
	{"1(g)", "User interface", nil},
	{"1(h)", "Instructions for use", []string{"migration guide"}},
	{"2(a)", "Methods and steps of development", []string{"training runs", "all runs", "code", "ancestors"}},
	{"2(b)", "Design specifications", []string{"algorithm", "hyperparameters", "features of the model", "preprocessing"}},
	{"2(c)", "System architecture and computational resources", []string{"algorithm", "framework", "training time"}},
	{"2(d)", "Data requirements and provenance", []string{"raw sources", "data sets", "licences of raw sources", "training data", "samples", "preprocessing"}},
	{"2(e)", "Human oversight", []string{"approvals"}},
	{"2(f)", "Pre-determined changes", []string{"deprecation"}},
	{"2(g)", "Validation and testing", []string{"metrics", "evaluation runs", "gates", "fairness"}},
	{"2(h)", "Cybersecurity", []string{"signatures", "digests of files"}},
	{"3", "Monitoring, functioning and control", []string{"limitations", "metrics", "deployments"}},
	{"4", "Appropriateness of the performance metrics", nil},
	{"5", "Risk management system", []string{"reviews", "recalls", "gates"}},
	{"6", "Changes through the lifecycle", []string{"stages", "earlier stages", "code"}},
	{"7", "Harmonised standards", nil},
	{"8", "EU declaration of conformity", nil},
	{"9", "Post-market monitoring", []string{"review plan", "reviews"}},
}}

var nistAIRMF = ruleTable{"NIST AI RMF 1.0 (NIST AI 100-1)", []ruleRow{
	{"GOVERN 1", "Policies, processes, procedures and practices", []string{"gates", "approvals"}},
	{"GOVERN 1.5", "Ongoing monitoring and periodic review", []string{"review plan", "reviews"}},
	{"GOVERN 1.6", "Inventory", []string{"version", "owner", "stages"}},
	{"GOVERN 1.7", "Decommissioning", []string{"deprecation"}},
	{"GOVERN 2", "Accountability structures", []string{"owner", "people", "approvals"}},
	{"GOVERN 3", "Workforce diversity, equity, inclusion and accessibility", nil},
	{"GOVERN 4", "Culture of risk communication", nil},
	{"GOVERN 5", "Engagement with relevant actors", nil},
	{"GOVERN 6", "Third-party software and data", []string{"licences of raw sources", "raw sources"}},
	{"MAP 1", "Context", []string{"model description", "version description"}},
	{"MAP 2", "Categorization", []string{"algorithm", "limitations"}},
	{"MAP 3", "Capabilities, usage, goals, benefits and costs", []string{"model description", "metrics"}},
	{"MAP 4", "Risks and benefits of all components", []string{"raw sources", "ancestors", "recalls"}},
	{"MAP 5", "Impacts", []string{"deployments", "protected groups"}},
	{"MEASURE 1", "Methods and metrics", []string{"metrics", "evaluation runs"}},
	{"MEASURE 2", "Evaluation for trustworthy characteristics", []string{"metrics", "gates"}},
	{"MEASURE 2.7", "Security and resilience", []string{"signatures", "digests of files"}},
	{"MEASURE 2.8", "Transparency and accountability", []string{"raw sources", "code", "gaps", "log"}},
	{"MEASURE 2.11", "Fairness and bias", []string{"fairness", "protected groups"}},
	{"MEASURE 2.12", "Environmental impact", []string{"training time"}},
	{"MEASURE 3", "Tracking of risks over time", []string{"reviews", "recalls"}},
	{"MEASURE 4", "Feedback about measurement", nil},
	{"MANAGE 1", "Risks prioritized and responded to", []string{"approvals", "stages", "gates"}},
	{"MANAGE 2", "Strategies for benefits and negative impacts", []string{"deprecation", "earlier stages"}},
	{"MANAGE 3", "Third-party risks and benefits", []string{"raw sources", "ancestors"}},
	{"MANAGE 4", "Treatment, response, recovery, communication", []string{"recalls", "reviews"}},
}}

var sr117 = ruleTable{"SR 11-7 (Supervisory Guidance on Model Risk Management)", []ruleRow{
	{"IV", "Model development, implementation and use: purpose", []string{"model description", "version description"}},
	{"IV", "Model development: design and theory", []string{"algorithm", "hyperparameters", "limitations"}},
	{"IV", "Model development: data", []string{"raw sources", "data sets", "training data", "samples", "preprocessing"}},
	{"IV", "Model development: testing", []string{"metrics", "evaluation runs"}},
	{"IV", "Model implementation", []string{"code", "files", "signatures"}},
	{"IV", "Model use", []string{"deployments"}},
	{"V", "Validation: independence", []string{"approvals", "reviews"}},
	{"V", "Validation: conceptual soundness", []string{"algorithm", "features of the model"}},
	{"V", "Validation: ongoing monitoring", []string{"review plan", "reviews", "recalls"}},
	{"V", "Validation: outcomes analysis", []string{"metrics"}},
	{"V", "Validation: vendor and third-party products", []string{"licences of raw sources", "ancestors"}},
	{"VI", "Governance: policies and procedures", []string{"gates"}},
	{"VI", "Governance: roles and responsibilities", []string{"owner", "people", "approvals"}},
	{"VI", "Governance: internal audit", []string{"log"}},
	{"VI", "Governance: model inventory", []string{"version", "owner", "stages", "deployments"}},
	{"VI", "Governance: documentation", []string{"version description", "limitations", "gaps"}},
}}
