import impact from './examples/impact.graphql?raw';
import lineage from './examples/lineage.graphql?raw';
import models from './examples/models.graphql?raw';
import provenance from './examples/provenance.graphql?raw';
import registerModel from './examples/register-model.graphql?raw';
import search from './examples/search.graphql?raw';

/** Ids of existing nodes, for the variables of the examples. */
export interface Samples {
  modelVersion: string | null;
  deployment: string | null;
  datasetVersion: string | null;
}

/** A query that GraphiQL offers. */
export interface Example {
  title: string;
  about: string;
  query: string;
  variables(samples: Samples): Record<string, unknown>;
  /** Whether the variables need ids of existing nodes. */
  needsSamples: boolean;
}

const idOrPlaceholder = (id: string | null, what: string) => id ?? `paste the id of ${what}`;

/** The examples, in the order for a new user. */
export const EXAMPLES: Example[] = [
  {
    title: 'Models',
    about: 'Every model with its production version.',
    query: models,
    variables: () => ({}),
    needsSamples: false,
  },
  {
    title: 'Search',
    about: 'Full-text search, with counts by kind and stage.',
    query: search,
    variables: () => ({ text: 'credit' }),
    needsSamples: false,
  },
  {
    title: 'Lineage of a deployment',
    about: 'Everything that it was made from, nearest first, and what was left out.',
    query: lineage,
    variables: (samples) => ({ deployment: idOrPlaceholder(samples.deployment, 'a deployment') }),
    needsSamples: true,
  },
  {
    title: 'Provenance',
    about: 'The raw sources, runs, commits and gaps of a model version.',
    query: provenance,
    variables: (samples) => ({ modelVersion: idOrPlaceholder(samples.modelVersion, 'a model version') }),
    needsSamples: true,
  },
  {
    title: 'Impact of a dataset version',
    about: 'The live deployments that depend on it.',
    query: impact,
    variables: (samples) => ({ datasetVersion: idOrPlaceholder(samples.datasetVersion, 'a dataset version') }),
    needsSamples: true,
  },
  {
    title: 'Register a model',
    about: 'A mutation: it writes, and needs data_scientist or admin.',
    query: registerModel,
    variables: () => ({ input: { name: 'my-model', description: 'What it is for', owner: 'me', idempotencyKey: 'my-model-1' } }),
    needsSamples: false,
  },
];

/** Sends a query to the server. */
export type Ask = (query: string, variables: Record<string, unknown>) => Promise<{ data?: unknown }>;

interface Start {
  models?: { edges?: { node?: { productionVersion?: { id: string } | null; latestVersion?: { id: string } | null } | null }[] } | null;
}
interface Neighbors {
  up?: { nodes?: { node?: { id: string; kind?: string | null; name?: string | null } | null }[] } | null;
  down?: { nodes?: { node?: { id: string; kind?: string | null; name?: string | null } | null }[] } | null;
}

/** Finds nodes that this caller may see, so that an example runs without changes. A sample that is not found stays null. */
export async function findSamples(ask: Ask): Promise<Samples> {
  const samples: Samples = { modelVersion: null, deployment: null, datasetVersion: null };
  try {
    const start = (await ask('{ models(first: 20) { edges { node { productionVersion { id } latestVersion { id } } } } }', {})).data as Start | undefined;
    const models = (start?.models?.edges ?? []).flatMap((edge) => (edge.node ? [edge.node] : []));
    samples.modelVersion = models.find((model) => model.productionVersion)?.productionVersion?.id ?? models.find((model) => model.latestVersion)?.latestVersion?.id ?? null;
    if (samples.modelVersion === null) return samples;
    const around = (
      await ask(
        `query Around($of: ID!) {
          up: lineage(of: $of, direction: UPSTREAM, maxDepth: 20) { nodes { node { id kind name } } }
          down: lineage(of: $of, direction: DOWNSTREAM, maxDepth: 3) { nodes { node { id kind name } } }
        }`,
        { of: samples.modelVersion },
      )
    ).data as Neighbors | undefined;
    // A node without a name is restricted: the server does not accept its id as input.
    const named = (nodes: NonNullable<Neighbors['up']>['nodes'], kind: string) =>
      (nodes ?? []).flatMap(({ node }) => (node && node.kind === kind && node.name != null ? [node.id] : []));
    samples.deployment = named(around?.down?.nodes, 'DEPLOYMENT')[0] ?? null;
    samples.datasetVersion = named(around?.up?.nodes, 'DATASET_VERSION').at(-1) ?? null;
  } catch {
    // Without samples the variables say which id to paste.
  }
  return samples;
}
