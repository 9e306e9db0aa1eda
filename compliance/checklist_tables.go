package compliance

// ruleTable is a set of headings with the evidence that is looked for under each. A heading has the
// number that the text has, and its first words as they are published, "…" where they go on: what it asks
// for is in the text itself. A heading without evidence is one of which the registry keeps no fact.
type ruleTable struct {
	name string
	// source is the text, and where it is published. cites is what stands before the number of a heading
	// when it is cited.
	source, cites string
	rows          []ruleRow
}

// ruleRow is a heading. place is its place in the text where the number does not say it.
type ruleRow struct {
	number, title string
	evidence      []string
	place         string
}

// cite is where a heading stands.
func (t *ruleTable) cite(r *ruleRow) string {
	if r.place != "" {
		return t.cites + r.place
	}
	return t.cites + r.number
}

var ruleTables = []ruleTable{euAIActAnnexIV, nistAIRMF, sr117}

var euAIActAnnexIV = ruleTable{"EU AI Act (Regulation (EU) 2024/1689), Annex IV",
	"Regulation (EU) 2024/1689 of 13 June 2024, Annex IV (technical documentation referred to in Article 11(1)), OJ L, 2024/1689, 12.7.2024, http://data.europa.eu/eli/reg/2024/1689/oj", "Annex IV, point ", []ruleRow{
		{number: "1(a)", title: "its intended purpose, the name of the provider and the version of the system reflecting its relation to previous versions", evidence: []string{"model description", "version", "version description", "owner", "earlier stages"}},
		{number: "1(b)", title: "how the AI system interacts with, or can be used to interact with, hardware or software, including with other AI systems, that are not part of the AI system itself…"},
		{number: "1(c)", title: "the versions of relevant software or firmware, and any requirements related to version updates", evidence: []string{"framework", "code"}},
		{number: "1(d)", title: "the description of all the forms in which the AI system is placed on the market or put into service…", evidence: []string{"files", "deployments"}},
		{number: "1(e)", title: "the description of the hardware on which the AI system is intended to run"},
		{number: "1(f)", title: "where the AI system is a component of products, photographs or illustrations…"},
		{number: "1(g)", title: "a basic description of the user-interface provided to the deployer"},
		{number: "1(h)", title: "instructions for use for the deployer…"},
		{number: "2(a)", title: "the methods and steps performed for the development of the AI system, including, where relevant, recourse to pre-trained systems or tools provided by third parties…", evidence: []string{"training runs", "all runs", "code", "ancestors"}},
		{number: "2(b)", title: "the design specifications of the system, namely the general logic of the AI system and of the algorithms…", evidence: []string{"algorithm", "hyperparameters", "features of the model", "preprocessing"}},
		{number: "2(c)", title: "the description of the system architecture…; the computational resources used to develop, train, test and validate the AI system", evidence: []string{"algorithm", "framework", "training time"}},
		{number: "2(d)", title: "where relevant, the data requirements in terms of datasheets describing the training methodologies and techniques and the training data sets used…", evidence: []string{"raw sources", "data sets", "licences of raw sources", "training data", "samples", "preprocessing"}},
		{number: "2(e)", title: "assessment of the human oversight measures needed in accordance with Article 14…"},
		{number: "2(f)", title: "where applicable, a detailed description of pre-determined changes to the AI system and its performance…"},
		{number: "2(g)", title: "the validation and testing procedures used…", evidence: []string{"metrics", "evaluation runs", "gates", "fairness"}},
		{number: "2(h)", title: "cybersecurity measures put in place", evidence: []string{"signatures", "digests of files"}},
		{number: "3", title: "Detailed information about the monitoring, functioning and control of the AI system…", evidence: []string{"limitations", "metrics", "deployments"}},
		{number: "4", title: "A description of the appropriateness of the performance metrics for the specific AI system"},
		{number: "5", title: "A detailed description of the risk management system in accordance with Article 9", evidence: []string{"reviews", "recalls", "gates"}},
		{number: "6", title: "A description of relevant changes made by the provider to the system through its lifecycle", evidence: []string{"stages", "earlier stages", "code"}},
		{number: "7", title: "A list of the harmonised standards applied in full or in part…"},
		{number: "8", title: "A copy of the EU declaration of conformity referred to in Article 47"},
		{number: "9", title: "A detailed description of the system in place to evaluate the AI system performance in the post-market phase in accordance with Article 72…", evidence: []string{"review plan", "reviews"}},
	}}

var nistAIRMF = ruleTable{"NIST AI RMF 1.0 (NIST AI 100-1)",
	"NIST AI 100-1, Artificial Intelligence Risk Management Framework (AI RMF 1.0), January 2023, section 5 (AI RMF Core), tables 1 to 4, https://doi.org/10.6028/NIST.AI.100-1", "NIST AI 100-1, ", []ruleRow{
		{number: "GOVERN 1", title: "Policies, processes, procedures, and practices across the organization related to the mapping, measuring, and managing of AI risks are in place, transparent, and implemented effectively.", evidence: []string{"gates", "approvals"}},
		{number: "GOVERN 1.5", title: "Ongoing monitoring and periodic review of the risk management process and its outcomes are planned…", evidence: []string{"review plan", "reviews"}},
		{number: "GOVERN 1.6", title: "Mechanisms are in place to inventory AI systems…", evidence: []string{"version", "owner", "stages"}},
		{number: "GOVERN 1.7", title: "Processes and procedures are in place for decommissioning and phasing out AI systems safely…", evidence: []string{"deprecation", "migration guide"}},
		{number: "GOVERN 2", title: "Accountability structures are in place so that the appropriate teams and individuals are empowered, responsible, and trained…", evidence: []string{"owner", "people", "approvals"}},
		{number: "GOVERN 3", title: "Workforce diversity, equity, inclusion, and accessibility processes are prioritized…"},
		{number: "GOVERN 4", title: "Organizational teams are committed to a culture that considers and communicates AI risk."},
		{number: "GOVERN 5", title: "Processes are in place for robust engagement with relevant AI actors."},
		{number: "GOVERN 6", title: "Policies and procedures are in place to address AI risks and benefits arising from third-party software and data and other supply chain issues.", evidence: []string{"licences of raw sources", "raw sources"}},
		{number: "MAP 1", title: "Context is established and understood.", evidence: []string{"model description", "version description"}},
		{number: "MAP 2", title: "Categorization of the AI system is performed."},
		{number: "MAP 2.1", title: "The specific tasks and methods used to implement the tasks that the AI system will support are defined…", evidence: []string{"algorithm"}},
		{number: "MAP 2.2", title: "Information about the AI system’s knowledge limits and how system output may be utilized and overseen by humans is documented…", evidence: []string{"limitations"}},
		{number: "MAP 2.3", title: "Scientific integrity and TEVV considerations are identified and documented…", evidence: []string{"raw sources", "data sets", "samples"}},
		{number: "MAP 3", title: "AI capabilities, targeted usage, goals, and expected benefits and costs compared with appropriate benchmarks are understood.", evidence: []string{"model description", "metrics"}},
		{number: "MAP 4", title: "Risks and benefits are mapped for all components of the AI system including third-party software and data.", evidence: []string{"raw sources", "ancestors", "recalls"}},
		{number: "MAP 5", title: "Impacts to individuals, groups, communities, organizations, and society are characterized.", evidence: []string{"deployments", "protected groups"}},
		{number: "MEASURE 1", title: "Appropriate methods and metrics are identified and applied.", evidence: []string{"metrics", "evaluation runs"}},
		{number: "MEASURE 1.3", title: "Internal experts who did not serve as front-line developers for the system and/or independent assessors are involved in regular assessments and updates…", evidence: []string{"reviews", "approvals"}},
		{number: "MEASURE 2", title: "AI systems are evaluated for trustworthy characteristics.", evidence: []string{"metrics", "gates"}},
		{number: "MEASURE 2.1", title: "Test sets, metrics, and details about the tools used during TEVV are documented.", evidence: []string{"metrics", "evaluation runs"}},
		{number: "MEASURE 2.5", title: "The AI system to be deployed is demonstrated to be valid and reliable. Limitations of the generalizability beyond the conditions under which the technology was developed are documented.", evidence: []string{"metrics", "limitations"}},
		{number: "MEASURE 2.7", title: "AI system security and resilience – as identified in the MAP function – are evaluated and documented.", evidence: []string{"signatures", "digests of files"}},
		{number: "MEASURE 2.8", title: "Risks associated with transparency and accountability – as identified in the MAP function – are examined and documented.", evidence: []string{"raw sources", "code", "gaps", "log"}},
		{number: "MEASURE 2.11", title: "Fairness and bias – as identified in the MAP function – are evaluated and results are documented.", evidence: []string{"fairness", "protected groups"}},
		{number: "MEASURE 2.12", title: "Environmental impact and sustainability of AI model training and management activities – as identified in the MAP function – are assessed and documented.", evidence: []string{"training time"}},
		{number: "MEASURE 3", title: "Mechanisms for tracking identified AI risks over time are in place.", evidence: []string{"reviews", "recalls"}},
		{number: "MEASURE 4", title: "Feedback about efficacy of measurement is gathered and assessed."},
		{number: "MANAGE 1", title: "AI risks based on assessments and other analytical output from the MAP and MEASURE functions are prioritized, responded to, and managed.", evidence: []string{"approvals", "stages", "gates"}},
		{number: "MANAGE 2", title: "Strategies to maximize AI benefits and minimize negative impacts are planned, prepared, implemented, documented, and informed by input from relevant AI actors."},
		{number: "MANAGE 2.4", title: "Mechanisms are in place and applied, and responsibilities are assigned and understood, to supersede, disengage, or deactivate AI systems…", evidence: []string{"deprecation", "recalls", "earlier stages"}},
		{number: "MANAGE 3", title: "AI risks and benefits from third-party entities are managed.", evidence: []string{"raw sources", "ancestors"}},
		{number: "MANAGE 4", title: "Risk treatments, including response and recovery, and communication plans for the identified and measured AI risks are documented and monitored regularly.", evidence: []string{"recalls", "reviews"}},
	}}

var sr117 = ruleTable{"SR 11-7 (Supervisory Guidance on Model Risk Management)",
	"Board of Governors of the Federal Reserve System, SR Letter 11-7, attachment Supervisory Guidance on Model Risk Management, 4 April 2011, https://www.federalreserve.gov/supervisionreg/srletters/sr1107.htm; SR 26-2 of April 2026 takes its place", "SR 11-7 attachment, section ", []ruleRow{
		{number: "IV", title: "Model Development and Implementation", place: "IV. Model Development, Implementation, and Use: Model Development and Implementation",
			evidence: []string{"model description", "version description", "algorithm", "hyperparameters", "limitations", "raw sources", "data sets", "training data", "samples", "preprocessing", "metrics", "evaluation runs", "code", "files", "signatures"}},
		{number: "IV", title: "Model Use", place: "IV. Model Development, Implementation, and Use: Model Use", evidence: []string{"deployments", "stages"}},
		{number: "V", title: "Model Validation", place: "V. Model Validation", evidence: []string{"approvals", "reviews"}},
		{number: "V.1", title: "Evaluation of Conceptual Soundness", place: "V. Model Validation: Key Elements of Comprehensive Validation, 1", evidence: []string{"algorithm", "features of the model", "limitations"}},
		{number: "V.2", title: "Ongoing Monitoring", place: "V. Model Validation: Key Elements of Comprehensive Validation, 2", evidence: []string{"review plan", "reviews", "recalls"}},
		{number: "V.3", title: "Outcomes Analysis", place: "V. Model Validation: Key Elements of Comprehensive Validation, 3", evidence: []string{"metrics"}},
		{number: "V", title: "Validation of Vendor and Other Third-Party Products", place: "V. Model Validation: Validation of Vendor and Other Third-Party Products", evidence: []string{"licences of raw sources", "ancestors"}},
		{number: "VI", title: "Board of Directors and Senior Management", place: "VI. Governance, Policies, and Controls: Board of Directors and Senior Management"},
		{number: "VI", title: "Policies and Procedures", place: "VI. Governance, Policies, and Controls: Policies and Procedures", evidence: []string{"gates"}},
		{number: "VI", title: "Roles and Responsibilities", place: "VI. Governance, Policies, and Controls: Roles and Responsibilities", evidence: []string{"owner", "people", "approvals"}},
		{number: "VI", title: "Internal Audit", place: "VI. Governance, Policies, and Controls: Internal Audit", evidence: []string{"log"}},
		{number: "VI", title: "External Resources", place: "VI. Governance, Policies, and Controls: External Resources"},
		{number: "VI", title: "Model Inventory", place: "VI. Governance, Policies, and Controls: Model Inventory", evidence: []string{"version", "owner", "stages", "deployments"}},
		{number: "VI", title: "Documentation", place: "VI. Governance, Policies, and Controls: Documentation", evidence: []string{"version description", "limitations", "gaps"}},
	}}
