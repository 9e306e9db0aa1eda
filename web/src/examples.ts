import impact from './examples/impact.graphql';
import lineage from './examples/lineage.graphql';
import models from './examples/models.graphql';
import provenance from './examples/provenance.graphql';
import registerModel from './examples/register-model.graphql';
import search from './examples/search.graphql';

/** What an example's variables can be filled with from the server's own data. */
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
  /** Whether the variables name nodes, so that it is worth asking the server for some. */
  wantsSamples: boolean;
}

const orPaste = (id: string | null, what: string) => id ?? `paste the id of ${what}`;

/** The examples, in the order in which a newcomer would run them. */
export const EXAMPLES: Example[] = [
  {
    title: 'Models',
    about: 'Every model with its production version.',
    query: models,
    variables: () => ({}),
    wantsSamples: false,
  },
  {
    title: 'Search',
    about: 'Anything by its words, with counts by kind and stage.',
    query: search,
    variables: () => ({ text: 'credit' }),
    wantsSamples: false,
  },
  {
    title: 'Lineage of a deployment',
    about: 'All that it came from, nearest first, with what was left out.',
    query: lineage,
    variables: (samples) => ({ deployment: orPaste(samples.deployment, 'a deployment') }),
    wantsSamples: true,
  },
  {
    title: 'Provenance',
    about: 'Raw sources, runs, commits and gaps behind a model version.',
    query: provenance,
    variables: (samples) => ({ modelVersion: orPaste(samples.modelVersion, 'a model version') }),
    wantsSamples: true,
  },
  {
    title: 'Impact of a dataset version',
    about: 'The live deployments that depend on it.',
    query: impact,
    variables: (samples) => ({ datasetVersion: orPaste(samples.datasetVersion, 'a dataset version') }),
    wantsSamples: true,
  },
  {
    title: 'Register a model',
    about: 'A mutation: it writes, and needs data_scientist or admin.',
    query: registerModel,
    variables: () => ({ input: { name: 'my-model', description: 'What it is for', owner: 'me', idempotencyKey: 'my-model-1' } }),
    wantsSamples: false,
  },
];

/** Asks one question of the server. */
export type Ask = (query: string, variables: Record<string, unknown>) => Promise<{ data?: unknown }>;

interface Start {
  models?: { edges?: { node?: { productionVersion?: { id: string } | null; latestVersion?: { id: string } | null } | null }[] } | null;
}
interface Around {
  up?: { nodes?: { node?: { id: string; kind?: string | null; name?: string | null } | null }[] } | null;
  down?: { nodes?: { node?: { id: string; kind?: string | null; name?: string | null } | null }[] } | null;
}

/** Finds nodes that exist for this caller, so that an example runs as it is. Whatever fails leaves its sample null. */
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
    ).data as Around | undefined;
    // a node without a name is restricted, and its id is not accepted as input
    const named = (nodes: NonNullable<Around['up']>['nodes'], kind: string) =>
      (nodes ?? []).flatMap(({ node }) => (node && node.kind === kind && node.name != null ? [node.id] : []));
    samples.deployment = named(around?.down?.nodes, 'DEPLOYMENT')[0] ?? null;
    samples.datasetVersion = named(around?.up?.nodes, 'DATASET_VERSION').at(-1) ?? null;
  } catch {
    // the examples work without samples: their variables then say what to paste
  }
  return samples;
}
