// /search: full-text search over everything, with counts by kind and stage.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { modelHref, nodeHref, versionHref } from '../components/links';
import { Kind, STAGES, Stage } from '../components/Marks';
import { tagOf, tagText } from '../components/tags';
import { Recalled, stateOf } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { count, label, title } from '../components/format';
import { useUrlState } from '../components/useUrlState';

const SEARCH = graphql(`
  query Search($text: String!, $kinds: [SearchKind!], $stages: [Stage!], $tag: KeyValueInput, $after: String) {
    search(text: $text, kinds: $kinds, stages: $stages, tag: $tag, after: $after) {
      totalCount
      edges {
        matched
        node {
          __typename
          id
          ... on Model { name description }
          ... on ModelVersion { name modelName version stage description recallState }
          ... on ModelCard { name description }
          ... on Dataset { name namespace description }
          ... on DatasetVersion { name version description recallState }
          ... on Run { name description recallState }
          ... on Repository { name }
          ... on Commit { name message recallState }
          ... on Tag { name message recallState }
          ... on Feature { name description recallState }
          ... on Deployment { name environment recallState }
        }
      }
      pageInfo { hasNextPage endCursor }
      facets { kinds { kind count } stages { stage count } tags { tag { key value } count } recallStates { state count } complete }
    }
  }
`);

type Found = NonNullable<NonNullable<ResultOf<typeof SEARCH>['search']>['edges'][number]['node']>;
type SearchKind = 'MODEL' | 'MODEL_VERSION' | 'MODEL_CARD' | 'DATASET' | 'DATASET_VERSION' | 'RUN' | 'REPOSITORY' | 'COMMIT' | 'TAG' | 'FEATURE' | 'DEPLOYMENT';
type StageName = (typeof STAGES)[number][0];

const kindOf: Record<string, string> = { Model: 'MODEL', ModelVersion: 'MODEL_VERSION', ModelCard: 'MODEL_CARD', Dataset: 'DATASET', DatasetVersion: 'DATASET_VERSION', Run: 'RUN', Repository: 'REPOSITORY', Commit: 'COMMIT', Tag: 'TAG', Feature: 'FEATURE', Deployment: 'DEPLOYMENT' };

/** How many tags are offered to narrow a search by. */
const MOST_TAGS = 8;

const recalledOf = (states: readonly { state: string | null; count: number | null }[] | null | undefined) => states?.find((s) => s.state === 'RECALLED')?.count ?? 0;

export default function Search() {
  const [params, set] = useUrlState();
  const text = params.get('q') ?? '';
  const kind = params.get('kind') as SearchKind | null;
  const stage = params.get('stage') as StageName | null;
  const tag = params.get('tag');
  const after = params.get('after');
  const [{ data, fetching, error }] = useQuery({ query: SEARCH, variables: { text, kinds: kind ? [kind] : null, stages: stage ? [stage] : null, tag: tag ? tagOf(tag) : null, after }, pause: text === '' });
  return (
    <Page title={text === '' ? 'Search' : `Search: ${text}`} lead={data?.search?.totalCount != null ? `${count(data.search.totalCount, 'result')}` : undefined}>
      {text === '' ? (
        <p className="empty">Type words into the search box above.</p>
      ) : (
        <Answer data={data?.search} fetching={fetching} error={error}>
          {(found) => (
            <>
              <div className="toolbar" role="group" aria-label="Narrow the search">
                <button type="button" aria-pressed={kind === null && stage === null && tag === null} onClick={() => set({ kind: null, stage: null, tag: null, after: null })}>
                  Everything
                </button>
                {(found.facets?.kinds ?? []).map((facet) => (
                  <button key={facet.kind} type="button" aria-pressed={kind === facet.kind} onClick={() => set({ kind: facet.kind, stage: null, after: null })}>
                    {title(facet.kind)} ({facet.count})
                  </button>
                ))}
                {(found.facets?.stages ?? []).map((facet) => (
                  <button key={facet.stage} type="button" aria-pressed={stage === facet.stage} onClick={() => set({ stage: facet.stage, kind: null, after: null })}>
                    In {label(facet.stage)} ({facet.count})
                  </button>
                ))}
                {(found.facets?.tags ?? []).slice(0, MOST_TAGS).map((facet) => {
                  if (facet.tag === null) return null;
                  const one = tagText(facet.tag);
                  return (
                    <button key={one} type="button" className="tag" aria-pressed={tag === one} onClick={() => set({ tag: tag === one ? null : one, after: null })}>
                      {one} ({facet.count})
                    </button>
                  );
                })}
              </div>
              {found.facets?.complete === false && <p className="notice">There is more than is counted: narrow the search.</p>}
              {recalledOf(found.facets?.recallStates) > 0 && <p className="notice">{count(recalledOf(found.facets?.recallStates), 'result')} recalled, by itself or by what it came from.</p>}
              {found.edges.length === 0 && <p className="empty">Nothing has all of these words, of what your roles may see.</p>}
              {found.edges.length > 0 && (
                <div className="panel">
                  <ul className="rows">
                    {nodesOf(found).map((node) => (
                      <li key={node.id}>
                        <Kind kind={kindOf[node.__typename]} /> <Recalled id={node.id} state={stateOf(node)} /> <Result node={node} />
                      </li>
                    ))}
                  </ul>
                </div>
              )}
              <Pager hasNext={found.pageInfo.hasNextPage} after={after} end={found.pageInfo.endCursor} onGo={(to) => set({ after: to })} />
            </>
          )}
        </Answer>
      )}
    </Page>
  );
}

function Result({ node }: { node: Found }) {
  switch (node.__typename) {
    case 'Model':
      return <Row href={node.name && modelHref(node.name)} name={node.name} about={node.description} />;
    case 'ModelVersion':
      return (
        <>
          <Row href={node.modelName && node.version && versionHref(node.modelName, node.version)} name={node.name} about={node.description} /> <Stage stage={node.stage} />
        </>
      );
    case 'Dataset':
      return <Row href={null} name={`${node.namespace ?? ''}/${node.name ?? ''}`} about={node.description} />;
    case 'ModelCard':
    case 'Repository':
      return <Row href={null} name={node.name} about={'description' in node ? node.description : null} />;
    case 'DatasetVersion':
      return <Row href={nodeHref(node.id)} name={`${node.name ?? ''} ${node.version ?? ''}`} about={node.description} />;
    case 'Commit':
    case 'Tag':
      return <Row href={nodeHref(node.id)} name={node.name} about={node.message} />;
    case 'Deployment':
      return <Row href={nodeHref(node.id)} name={node.name} about={node.environment} />;
    case 'Run':
    case 'Feature':
      return <Row href={nodeHref(node.id)} name={node.name} about={node.description} />;
    default:
      return <code>{node.id}</code>;
  }
}

function Row({ href, name, about }: { href: string | null; name: string | null; about: string | null }) {
  return (
    <>
      {href ? <Link href={href}>{name ?? 'unnamed'}</Link> : <span>{name ?? 'unnamed'}</span>}
      {about && <div className="muted small clamp">{about}</div>}
    </>
  );
}
