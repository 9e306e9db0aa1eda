// The queries of the dashboard and the types of their answers. Any field may be null, depending on the caller's roles.

type Maybe<T> = T | null;

/** Relay's PageInfo, as far as these pages use it. */
export interface PageInfo {
  hasNextPage: boolean;
  endCursor: Maybe<string>;
}

interface Connection<T> {
  edges: Maybe<Maybe<{ node: Maybe<T> }>[]>;
  pageInfo?: Maybe<PageInfo>;
}

/** The nodes of a connection, without those that the caller may not see. */
export function nodesOf<T>(connection: Maybe<Connection<T>> | undefined): T[] {
  return (connection?.edges ?? []).flatMap((edge) => (edge?.node ? [edge.node] : []));
}

export interface VersionRef {
  id: string;
  version: Maybe<string>;
  stage: Maybe<string>;
}

export interface Model {
  id: string;
  name: Maybe<string>;
  owner: Maybe<string>;
  productionVersion: Maybe<VersionRef>;
  latestVersion: Maybe<VersionRef>;
}

export interface Deployment {
  id: string;
  name: Maybe<string>;
  environment: Maybe<string>;
  endpoint: Maybe<string>;
  live: Maybe<boolean>;
}

export interface Version extends VersionRef {
  deployments: Maybe<Connection<Deployment>>;
}

export interface LineageNode {
  node: Maybe<{ id: string; kind: Maybe<string>; name: Maybe<string> }>;
  depth: Maybe<number>;
  layer: Maybe<number>;
  treeParent: Maybe<string>;
  upstreamDegree: Maybe<number>;
  downstreamDegree: Maybe<number>;
}

export interface LineageEdge {
  id: string;
  from: Maybe<string>;
  to: Maybe<string>;
  kind: Maybe<string>;
}

export interface Truncation {
  truncated: Maybe<boolean>;
  reasons: Maybe<string[]>;
  frontier: Maybe<unknown[]>;
  redacted: Maybe<number>;
}

export interface Lineage {
  root: Maybe<string>;
  asOf: Maybe<string>;
  nodes: Maybe<Maybe<LineageNode>[]>;
  edges: Maybe<Maybe<LineageEdge>[]>;
  pageInfo: Maybe<PageInfo>;
  truncation: Maybe<Truncation>;
  historyCut: Maybe<boolean>;
}

export interface ViewerData {
  viewer: Maybe<{ subject: Maybe<string>; roles: Maybe<string[]> }>;
}
export interface ModelsData {
  models: Maybe<Connection<Model>>;
}
export interface VersionsData {
  model: Maybe<{ versions: Maybe<Connection<Version>> }>;
}
export interface LineageData {
  lineage: Maybe<Lineage>;
}

/** The maximum depth of the dashboard's trees. The truncation notice contains it. */
export const MAX_DEPTH = 20;

export const VIEWER = `query Viewer { viewer { subject roles } }`;

export const MODELS = `query Models($after: String) {
  models(first: 50, after: $after) {
    edges { node { id name owner productionVersion { id version stage } latestVersion { id version stage } } }
    pageInfo { hasNextPage endCursor }
  }
}`;

// 20 deployments per version, not 50: 50 × 50 × 7 fields come near the server's complexity limit of 20,000.
export const VERSIONS = `query Versions($name: String!) {
  model(name: $name) {
    versions(first: 50) {
      edges { node { id version stage
        deployments(first: 20) {
          edges { node { id name environment endpoint live } }
          pageInfo { hasNextPage endCursor }
        }
      } }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

export const LINEAGE = `query Lineage($of: ID!, $after: String) {
  lineage(of: $of, direction: UPSTREAM, maxDepth: ${MAX_DEPTH}, after: $after) {
    root asOf
    nodes { node { id kind name } depth layer treeParent upstreamDegree downstreamDegree }
    edges { id from to kind }
    pageInfo { hasNextPage endCursor }
    truncation { truncated reasons frontier redacted }
    historyCut
  }
}`;
