package demo

import "pedigree/registry"

// The models of the growth.
const (
	fraud       = "card-fraud"
	merchant    = "merchant-risk"
	income      = "income-estimator"
	collections = "collections-priority"
)

// tables returns the datasets of a round of data, causes first. Both teams read the first three.
func tables() []table {
	const lake, fraudLake, riskLake = "s3://data-lake", "s3://fraud-data", "s3://risk-features"
	profile, payments, clean := "customers/profile", "payments/transactions", "payments/clean"
	return []table{
		{name: profile, namespace: lake, owner: "data-platform", role: registry.RawData, rows: 1_840_000, columns: []registry.Column{
			from("customer_id", "string", ""), from("region", "string", ""), from("age_band", "string", ""), from("tenure_months", "int", ""), from("declared_income", "float", "")}},
		{name: payments, namespace: lake, owner: "data-platform", role: registry.RawData, rows: 96_300_000, columns: []registry.Column{
			from("customer_id", "string", ""), from("merchant_id", "string", ""), from("amount", "float", ""), from("currency", "string", ""), from("paid_at", "timestamp", "")}},
		{name: "merchants/registry", namespace: "postgres://core-banking", owner: "merchant-services", role: registry.RawData, rows: 74_000, columns: []registry.Column{
			from("merchant_id", "string", ""), from("sector", "string", ""), from("opened_on", "date", "")}},
		{name: clean, namespace: lake, owner: "data-platform", role: registry.CleanedData, rows: 95_800_000, from: []string{payments}, columns: []registry.Column{
			from("customer_id", "string", "", [2]string{payments, "customer_id"}), from("merchant_id", "string", "", [2]string{payments, "merchant_id"}),
			from("amount_eur", "float", "amount at the rate of the day", [2]string{payments, "amount"}, [2]string{payments, "currency"}), from("paid_at", "timestamp", "", [2]string{payments, "paid_at"})}},
		{name: "fraud/training", namespace: fraudLake, owner: "payments-fraud", role: registry.TrainingData, rows: 12_400_000, from: []string{clean, profile},
			features: []string{"amount_to_average", "payments_per_hour", "tenure_months"}, columns: []registry.Column{
				from("amount_to_average", "float", "amount / average of 30 days", [2]string{clean, "amount_eur"}), from("payments_per_hour", "float", "count in one hour", [2]string{clean, "paid_at"}),
				from("tenure_months", "float", "", [2]string{profile, "tenure_months"})}},
		{name: "merchants/training", namespace: fraudLake, owner: "payments-fraud", role: registry.TrainingData, rows: 61_000, from: []string{clean, "merchants/registry"},
			features: []string{"chargeback_rate", "sector_risk"}, columns: []registry.Column{
				from("chargeback_rate", "float", "share of amounts paid back", [2]string{clean, "amount_eur"}), from("sector_risk", "float", "average of the sector", [2]string{"merchants/registry", "sector"})}},
		{name: "income/training", namespace: riskLake, owner: "credit-risk", role: registry.TrainingData, rows: 1_610_000, from: []string{profile, clean},
			features: []string{"monthly_inflow", "declared_income", "tenure_months"}, columns: []registry.Column{
				from("monthly_inflow", "float", "sum of a month, median of twelve", [2]string{clean, "amount_eur"}), from("declared_income", "float", "winsorised at the 99th percentile", [2]string{profile, "declared_income"}),
				from("tenure_months", "float", "", [2]string{profile, "tenure_months"})}},
		{name: "collections/training", namespace: riskLake, owner: "credit-risk", role: registry.TrainingData, rows: 240_000, from: []string{profile, "income/training"},
			features: []string{"income_drop", "days_late"}, columns: []registry.Column{
				from("income_drop", "float", "change over six months", [2]string{"income/training", "monthly_inflow"}), from("days_late", "float", "", [2]string{profile, "tenure_months"})}},
	}
}

// modelFacts is what the versions of a model have in common.
type modelFacts struct {
	name, team, about, repository, author, algorithm, framework, trains string
	features, limits                                                    []string
	tags                                                                []registry.KeyValue
}

func tagged(domain, tier string) []registry.KeyValue {
	return []registry.KeyValue{{Key: "domain", Value: domain}, {Key: "tier", Value: tier}}
}

// move is one stage change.
type move struct {
	to     registry.Stage
	days   int
	reason string
}

// place is where a version runs or ran; until 0 is still.
type place struct {
	environment, endpoint, owner string
	traffic                      float64
	days, until                  int
}

// release is a version of a model, days ago, trained on the data of a quarter.
type release struct {
	model                  *modelFacts
	first, bare            bool
	version, about, commit string
	days, quarter          int
	f1                     float64
	parameters, learnsFrom string
	moves                  []move
	runs                   []place
}

func staging(days int) move { return move{registry.Staging, days, "passed validation"} }

func canary(days int) move { return move{registry.Canary, days, "a tenth of the traffic for a while"} }

func production(days int, reason string) move { return move{registry.Production, days, reason} }

// releases returns the versions of the growth in the order in which they are registered: a
// version that another learns from stands before it.
func releases() []release { return append(fraudReleases(), riskReleases()...) }

func fraudReleases() []release {
	f := &modelFacts{name: fraud, team: "payments-fraud", about: "Scores card payments while they are authorised; above a threshold the payment is held and a person looks.",
		repository: "fraud-models", author: "noor", algorithm: "gradient boosting", framework: "lightgbm 4.3", trains: "fraud/training",
		features: []string{"amount_to_average", "payments_per_hour", "tenure_months"}, limits: []string{"not for transfers between own accounts", "weak in the first week of a new card"}, tags: tagged("payments", "1")}
	m := &modelFacts{name: merchant, team: "payments-fraud", about: "Ranks merchants by the risk of chargebacks, once a night.",
		repository: "fraud-models", author: "ivan", algorithm: "logistic regression", framework: "scikit-learn 1.5", trains: "merchants/training",
		features: []string{"chargeback_rate", "sector_risk"}, limits: []string{"needs ninety days of payments"}, tags: tagged("payments", "2")}
	const live, nightly = "payments.example.com/fraud", "batch.example.com/merchants"
	return []release{
		{model: f, first: true, version: "1.0.0", days: 525, quarter: 0, f1: 0.78, about: "first model in place of rules", commit: "feat(fraud): boosted trees in place of rules", parameters: `{"leaves":31,"learning_rate":0.1}`,
			moves: []move{staging(520), production(515, "beats the rules on all of last year")}, runs: []place{{"production", live + "/v1", "payments-platform", 100, 515, 335}}},
		{model: m, first: true, version: "1.0.0", days: 480, quarter: 0, f1: 0.71, about: "first ranking", commit: "feat(merchants): rank by chargebacks", parameters: `{"C":1}`,
			moves: []move{staging(475), production(470, "agreed with merchant services")}, runs: []place{{"production", nightly + "/v1", "merchant-services", 100, 470, 290}}},
		{model: f, version: "1.1.0", days: 470, quarter: 0, f1: 0.80, about: "deeper trees; too slow in staging", commit: "tune(fraud): 127 leaves", parameters: `{"leaves":127,"learning_rate":0.1}`,
			moves: []move{staging(465), {registry.Archived, 450, "answers took 80 ms, 30 are allowed"}}, runs: []place{{"staging", "staging.example.com/fraud", "payments-fraud", 100, 465, 450}}},
		{model: f, version: "2.0.0", days: 345, quarter: 1, f1: 0.86, about: "windows over 30 days", commit: "feat(fraud): features over 30 days", parameters: `{"leaves":63,"learning_rate":0.08}`,
			moves: []move{staging(343), canary(340), production(335, "fewer false alarms in the canary")}, runs: []place{{"canary", live + "/canary", "payments-platform", 10, 340, 335}, {"production", live + "/v2", "payments-platform", 100, 335, 165}}},
		{model: m, version: "1.1.0", days: 300, quarter: 1, f1: 0.75, about: "adds the sector", commit: "feat(merchants): risk of the sector", parameters: `{"C":0.5}`,
			moves: []move{staging(296), production(290, "better for new merchants")}, runs: []place{{"production", nightly + "/v1.1", "merchant-services", 100, 290, 140}}},
		{model: f, version: "2.1.0", days: 175, quarter: 2, f1: 0.89, about: "retrained; class weights by amount", commit: "tune(fraud): weigh classes by amount", parameters: `{"leaves":63,"learning_rate":0.06,"class_weight":"amount"}`,
			moves: []move{staging(172), canary(170), production(165, "lost amounts fall by an eighth")}, runs: []place{{"canary", live + "/canary", "payments-platform", 10, 170, 165}, {"production", live + "/v2.1", "payments-platform", 90, 165, 0}}},
		{model: m, version: "1.2.0", days: 150, quarter: 2, f1: 0.77, about: "retrained on the last quarter", commit: "chore(merchants): retrain", parameters: `{"C":0.5}`,
			moves: []move{staging(146), production(140, "yearly retraining")}, runs: []place{{"production", nightly + "/v1.2", "merchant-services", 100, 140, 0}}},
		{model: f, version: "3.0.0", days: 25, quarter: 3, f1: 0.92, about: "monotone in the amount, explained for each payment", commit: "feat(fraud): monotone constraints and explanations", parameters: `{"leaves":63,"learning_rate":0.05,"monotone":["amount_to_average"]}`,
			moves: []move{staging(20), canary(14)}, runs: []place{{"staging", "staging.example.com/fraud", "payments-fraud", 100, 20, 0}, {"canary", live + "/canary", "payments-platform", 10, 14, 0}}},
		{model: m, version: "1.3.0-rc.1", days: 12, quarter: 3, f1: 0.79, about: "tries trees", commit: "feat(merchants): trees in place of a line", parameters: `{"trees":200}`},
	}
}

func riskReleases() []release {
	i := &modelFacts{name: income, team: "credit-risk", about: "Estimates monthly income from payments, to check what applicants declare.",
		repository: "risk-models", author: "maria", algorithm: "gradient boosting", framework: "xgboost 2.1", trains: "income/training",
		features: []string{"monthly_inflow", "declared_income", "tenure_months"}, limits: []string{"not for the self-employed", "needs twelve months of payments"}, tags: tagged("lending", "1")}
	c := &modelFacts{name: collections, team: "credit-risk", about: "Orders late accounts by who is helped most by an early call.",
		repository: "risk-models", author: "jonas", algorithm: "random forest", framework: "scikit-learn 1.5", trains: "collections/training",
		features: []string{"income_drop", "days_late"}, limits: []string{"never the only reason for a call"}, tags: tagged("lending", "2")}
	const at = "risk.example.com/income"
	return []release{
		{model: i, first: true, version: "1.0.0", days: 500, quarter: 0, f1: 0.80, about: "first release", commit: "feat(income): estimate from payments", parameters: `{"depth":5,"learning_rate":0.1}`,
			moves: []move{staging(495), production(490, "approved by the model-risk board")}, runs: []place{{"production", at + "/v1", "ml-platform", 100, 490, 310}}},
		{model: i, version: "1.1.0", days: 320, quarter: 1, f1: 0.84, about: "median of twelve months", commit: "feat(income): median of twelve months", parameters: `{"depth":6,"learning_rate":0.1}`,
			moves: []move{staging(316), production(310, "steadier for seasonal work")}, runs: []place{{"production", at + "/v1", "branch-systems", 30, 310, 0}}},
		{model: c, first: true, version: "1.0.0", days: 260, quarter: 1, f1: 0.69, about: "first ordering", commit: "feat(collections): order late accounts", parameters: `{"trees":300}`, learnsFrom: income + "/1.1.0",
			moves: []move{staging(255), production(250, "tried on one branch for a month")}, runs: []place{{"production", "risk.example.com/collections/v1", "ml-platform", 100, 250, 80}}},
		{model: i, version: "2.0.0", days: 130, quarter: 2, f1: 0.88, about: "two targets: income and its spread", commit: "feat(income): estimate the spread too", parameters: `{"depth":7,"learning_rate":0.06}`,
			moves: []move{staging(126), canary(123), production(120, "approved by the model-risk board")}, runs: []place{{"canary", at + "/canary", "ml-platform", 10, 123, 120}, {"production", at + "/v2", "ml-platform", 70, 120, 0}}},
		{model: c, version: "1.1.0", days: 90, quarter: 2, f1: 0.74, about: "learns from income-estimator 2.0.0", commit: "feat(collections): use the spread of income", parameters: `{"trees":500}`, learnsFrom: income + "/2.0.0",
			moves: []move{staging(85), production(80, "more accounts paid after a first call")}, runs: []place{{"production", "risk.example.com/collections/v2", "ml-platform", 100, 80, 0}}},
		{model: i, version: "2.1.0", days: 30, quarter: 3, f1: 0.885, about: "retrained on the last quarter", commit: "chore(income): retrain", parameters: `{"depth":7,"learning_rate":0.06}`,
			moves: []move{staging(26)}, runs: []place{{"staging", "staging.example.com/income", "credit-risk", 100, 26, 0}}},
		{model: c, bare: true, version: "1.2.0", days: 8, about: "copied by hand from a notebook"},
	}
}
