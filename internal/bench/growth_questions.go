package bench

// growthQuestion is one get, list or mutation. In its document $N stands for a number
// that is new for each request.
type growthQuestion struct {
	name, document string
}

// growthReads returns the gets and lists, each asked as administrator and as viewer.
// Their answers have the same length on stores of all sizes.
func growthReads() []growthQuestion {
	return []growthQuestion{
		{"model", `{model(name:"model-000050"){id name latestVersion{id}}}`},
		{"version", `{modelVersion(model:"model-000050",version:"1.0.0"){id name stage card{description}}}`},
		{"models", `{models(first:10){totalCount edges{node{id latestVersion{version} productionVersion{version}}}}}`},
		{"models of an owner", `{models(first:10,filter:{owner:"ada"}){totalCount edges{node{id}}}}`},
		{"models of nobody", `{models(first:10,filter:{owner:"nobody"}){totalCount edges{node{id}}}}`},
		{"models by age", `{models(first:10,orderBy:{field:CREATED_AT,direction:DESC}){edges{node{id}}}}`},
		{"models in production", `{models(first:10,filter:{stage:PRODUCTION}){totalCount edges{node{id}}}}`},
		{"models in canary, none", `{models(first:10,filter:{stage:CANARY}){totalCount edges{node{id}}}}`},
		{"latest of many versions", `{model(name:"big"){latestVersion{id} productionVersion{id}}}`},
		{"versions", `{model(name:"big"){versions(first:10){totalCount edges{node{id version card{description}}}}}}`},
		{"versions by owner", `{model(name:"big"){versions(first:10,orderBy:{field:OWNER}){edges{node{id}}}}}`},
		{"versions in canary, none", `{model(name:"big"){versions(first:10,filter:{stages:[CANARY]}){totalCount edges{node{id}}}}}`},
		{"versions of a past", `{model(name:"big",asOf:"2020-01-01T00:30:00Z"){versions(first:10){edges{node{id}}}}}`},
		{"transitions", `{modelVersion(model:"moved",version:"1.0.0"){transitions(first:10){totalCount edges{node{id}}}}}`},
		{"version by alias", `{modelVersion(model:"named",version:"alias-000050"){id}}`},
		{"deployments of a version", `{modelVersion(model:"deployed",version:"1.0.0"){deployments(first:10){totalCount edges{node{id}}}}}`},
		{"deployments", `{deployments(first:10){totalCount edges{node{id}}}}`},
		{"datasets", `{datasets(first:10){totalCount edges{node{id name}}}}`},
		{"versions of a dataset", `{dataset(name:"big"){versions(first:10){totalCount edges{node{id version}}}}}`},
		{"dataset version", `{datasetVersion(dataset:"big",version:"v000050"){id}}`},
		{"runs", `{runs(first:10){totalCount edges{node{id}}}}`},
		{"runs by start", `{runs(first:10,orderBy:{field:STARTED_AT,direction:DESC}){edges{node{id}}}}`},
		{"run", `{run(producer:"airflow",runId:"r000050"){id}}`},
		{"commits", `{commits(first:10){totalCount edges{node{sha}}}}`},
		{"commit", `{commit(sha:"` + growthSHA(0) + `"){id downstream(first:10){edges{node{id}}}}}`},
		{"search of a rare word", `{search(text:"000050"){edges{node{id}}}}`},
		{"search of a common word", `{search(text:"predicts"){edges{node{id}}}}`},
	}
}

// growthAdminReads returns lists of fields that a viewer may not see or filter by.
func growthAdminReads() []growthQuestion {
	return []growthQuestion{
		{"aliases of a version", `{modelVersion(model:"named",version:"1.0.0"){aliases{name}}}`},
		{"deployments of an environment", `{deployments(first:10,filter:{environment:"env000050"}){totalCount edges{node{id}}}}`},
		{"datasets of nobody", `{datasets(first:10,filter:{owner:"nobody"}){totalCount edges{node{id}}}}`},
		{"runs of a kind, none", `{runs(first:10,filter:{runKind:EVALUATION}){totalCount edges{node{id}}}}`},
		{"deployments with their versions", `{deployments(first:10){edges{node{id modelVersion{version}}}}}`},
	}
}

// growthWrites returns the mutations, asked as administrator.
func growthWrites() []growthQuestion {
	return []growthQuestion{
		{"registerModel", `mutation{registerModel(input:{name:"new-$N"}){model{id}}}`},
		{"registerModelVersion", `mutation{registerModelVersion(input:{model:"big",bump:PATCH}){modelVersion{id}}}`},
		{"deleteModelVersion", `mutation{registerModelVersion(input:{model:"big",version:"8.$N.0"}){modelVersion{id}} deleteModelVersion(input:{model:"big",version:"8.$N.0",reason:"x"}){deletedId}}`},
		{"transitionModelVersion", `mutation{a:transitionModelVersion(input:{model:"moved",version:"1.0.0",to:CANARY,force:true,reason:"x"}){version{id}} ` +
			`b:transitionModelVersion(input:{model:"moved",version:"1.0.0",to:STAGING,force:true,reason:"x"}){version{id}}}`},
		{"promote", `mutation{a:transitionModelVersion(input:{model:"big",version:"1.0.0",to:PRODUCTION,force:true,reason:"x"}){version{id}} ` +
			`b:transitionModelVersion(input:{model:"big",version:"1.0.0",to:STAGING,force:true,reason:"x"}){version{id}}}`},
		{"updateModel", `mutation{updateModel(input:{model:"big",description:"d$N"}){model{id}}}`},
		{"updateModelCard", `mutation{updateModelCard(input:{model:"big",version:"1.0.0",card:{description:"d$N"}}){card{revision}}}`},
		{"setAlias", `mutation{a:setAlias(input:{model:"named",alias:"x",version:"1.0.0"}){alias{id}} b:setAlias(input:{model:"named",alias:"x",version:"1.0.1"}){alias{id}}}`},
		{"deleteAlias", `mutation{setAlias(input:{model:"named",alias:"y$N",version:"1.0.1"}){alias{id}} deleteAlias(input:{model:"named",alias:"y$N"}){deletedId}}`},
		{"recordDatasetVersion", `mutation{recordDatasetVersion(input:{dataset:"big",version:"n$N"}){created}}`},
		{"recordRun", `mutation{recordRun(input:{producer:"p",runId:"n$N",name:"x",commits:["` + growthSHA(0) + `"]}){created}}`},
		{"recordTag", `mutation{recordTag(input:{repository:{name:"repo"},name:"n$N",sha:"` + growthSHA(0) + `"}){tag{id}}}`},
		{"recordDeployment", `mutation{recordDeployment(input:{model:"deployed",version:"1.0.0",environment:"n$N"}){created}}`},
	}
}
