// The queries of the Relay program, as relay-compiler reads them.
graphql`
  query CatalogQuery($name: String!, $first: Int, $after: String, $asOf: DateTime) {
    model(name: $name, asOf: $asOf) {
      id
      ...Catalog_model @arguments(first: $first, after: $after)
    }
  }
`;

graphql`
  fragment Catalog_model on Model
  @argumentDefinitions(first: { type: "Int", defaultValue: 1 }, after: { type: "String" }, filter: { type: "ModelVersionFilter" })
  @refetchable(queryName: "CatalogVersionsQuery") {
    name
    description
    versions(first: $first, after: $after, filter: $filter) @connection(key: "Catalog_versions", filters: ["filter"]) {
      edges {
        node {
          id
          version
          ...Catalog_version
        }
      }
    }
  }
`;

graphql`
  fragment Catalog_version on ModelVersion @refetchable(queryName: "CatalogVersionQuery") {
    version
    stage
    card {
      description
    }
  }
`;

graphql`
  mutation CatalogDescribeMutation($input: UpdateModelInput!) {
    updateModel(input: $input) {
      model {
        id
        description
      }
    }
  }
`;
