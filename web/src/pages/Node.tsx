// /nodes/:id: a dataset version, run, commit, tag, feature or deployment, with what lies one step from it.
import { Fragment } from 'react';
import { useQuery } from 'urql';
import { Link, Redirect } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { graphiqlHref, impactHref, lineageHref, nodeHref, useSegments, versionHref } from '../components/links';
import { Kind, Tags, Time } from '../components/Marks';
import { RecallButton } from '../components/RecallButton';
import { MARK, Recalled, stateOf } from '../components/Recalled';
import { Answer, NotFound, Page, Panel } from '../components/Page';
import { Text } from '../components/Text';
import { bytes, count, label, long, number } from '../components/format';

const NODE = graphql(`
  query NodePage($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on ProvenanceNode { kind name }
      ... on ModelVersion { modelName version recallState }
      ... on DatasetVersion {
        recallState namespace digest description uri sizeBytes rows dataVersion: version dataRole: role createdAt recordedAt
        tags { key value }
        columns { name type description derivedFrom { datasetVersion column node { id name } transformations { type description } } }
        upstream(first: 50) { ...Around }
        downstream(first: 50) { ...Around }
      }
      ... on Run {
        recallState producer runId runKind status command description parameters actor startedAt endedAt recordedAt
        metrics { name value }
        tags { key value }
        upstream(first: 50) { ...Around }
        downstream(first: 50) { ...Around }
      }
      ... on Commit {
        recallState sha message author committer work: role signature authoredAt committedAt recordedAt
        upstream(first: 50) { ...Around }
        downstream(first: 50) { ...Around }
      }
      ... on Tag {
        recallState message tagger taggedAt movedAt recordedAt
        upstream(first: 50) { ...Around }
        downstream(first: 50) { ...Around }
      }
      ... on Feature {
        recallState type description owner column createdAt recordedAt
        upstream(first: 50) { ...Around }
        downstream(first: 50) { ...Around }
      }
      ... on Deployment {
        recallState environment endpoint trafficPercent deployedVersion: version modelName owner description startedAt endedAt recordedAt live
        upstream(first: 50) { ...Around }
        downstream(first: 50) { ...Around }
      }
    }
  }
  fragment Around on ProvenanceNodeConnection @_unmask { totalCount edges { relation node { id kind name ...Mark } } pageInfo { hasNextPage } }
`, [MARK]);

type Data = NonNullable<ResultOf<typeof NODE>['node']>;
type Around = NonNullable<Extract<Data, { __typename: 'Run' }>['upstream']>;

export default function NodePage() {
  const id = useSegments()[1] ?? '';
  const [{ data, fetching, error }] = useQuery({ query: NODE, variables: { id } });
  const node = data?.node;
  if (data && node === null && !error) return <NotFound what={`node with the id ${id}`} />;
  if (node?.__typename === 'ModelVersion' && node.modelName && node.version) return <Redirect to={versionHref(node.modelName, node.version)} replace />;
  const name = node && 'name' in node ? (node.name ?? 'restricted') : id;
  const kind = node && 'kind' in node ? node.kind : null;
  return (
    <Page
      title={name}
      lead={kind && <span className="badges"><Kind kind={kind} /> {node && <Recalled id={node.id} state={stateOf(node)} />}</span>}
      actions={
        <>
          {kind && node && <RecallButton id={id} kind={kind} name={name} />}
          <Link className="button" href={lineageHref(id)}>
            Lineage
          </Link>
          <Link className="button" href={impactHref(id)}>
            Impact
          </Link>
          <a className="button" href={graphiqlHref(print(NODE), { id })}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      <Answer data={node} fetching={fetching} error={error}>
        {(found) => (
          <div className="sided">
            <div className="stack">
              <Facts node={found} />
              {found.__typename === 'DatasetVersion' && <Columns columns={found.columns} />}
              {found.__typename === 'Run' && <Metrics metrics={found.metrics} />}
            </div>
            <div className="stack">
              {'upstream' in found && <Neighbours title="Came from" around={found.upstream} />}
              {'downstream' in found && <Neighbours title="Led to" around={found.downstream} />}
            </div>
          </div>
        )}
      </Answer>
    </Page>
  );
}

const TIMES = new Set(['createdAt', 'recordedAt', 'startedAt', 'endedAt', 'authoredAt', 'committedAt', 'taggedAt', 'movedAt']);
const ELSEWHERE = new Set(['__typename', 'recallState', 'id', 'kind', 'name', 'description', 'message', 'tags', 'columns', 'metrics', 'parameters', 'upstream', 'downstream', 'modelName', 'deployedVersion']);
const CODE = new Set(['digest', 'uri', 'sha', 'command', 'endpoint']);

/** What is known about the node, each fact with its name. */
function Facts({ node }: { node: Data }) {
  const facts = Object.entries(node).filter(([key, value]) => !ELSEWHERE.has(key) && value !== null && value !== '');
  const text = 'description' in node ? node.description : 'message' in node ? node.message : null;
  return (
    <Panel title="About it">
      <Text text={text} />
      <dl className="facts">
        {node.__typename === 'Deployment' && node.modelName && node.deployedVersion && (
          <>
            <dt>Version</dt>
            <dd>
              <Link href={versionHref(node.modelName, node.deployedVersion)}>
                {node.modelName} {node.deployedVersion}
              </Link>
            </dd>
          </>
        )}
        {facts.map(([key, value]) => (
          <Fragment key={key}>
            <dt>{label(key.replace('dataRole', 'role').replace('dataVersion', 'version').replaceAll(/([A-Z])/g, '_$1'))}</dt>
            <dd>{write(key, value)}</dd>
          </Fragment>
        ))}
        {node.__typename === 'Run' && node.parameters != null && (
          <>
            <dt>Parameters</dt>
            <dd>
              <pre>{JSON.stringify(node.parameters, null, 2)}</pre>
            </dd>
          </>
        )}
      </dl>
      {'tags' in node && <Tags tags={node.tags} />}
    </Panel>
  );
}

function write(key: string, value: unknown) {
  if (TIMES.has(key)) return <Time at={String(value)} />;
  if (CODE.has(key)) return <code>{String(value)}</code>;
  if (key === 'sizeBytes') return <span title={`${long(value as number)} bytes`}>{bytes(value as number)}</span>;
  if (key === 'rows') return long(value as number);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' && /^[A-Z][A-Z_]+$/.test(value) ? label(value) : String(value);
}

type Columns = Extract<Data, { __typename: 'DatasetVersion' }>['columns'];

function Columns({ columns }: { columns: Columns }) {
  if (!columns || columns.length === 0) return null;
  return (
    <Panel title="Columns" more={<span className="muted">{columns.length}</span>}>
      <div className="scroll">
        <table>
          <caption className="visually-hidden">Columns</caption>
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">Type</th>
              <th scope="col">Derived from</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => (
              <tr key={column.name}>
                <th scope="row">
                  {column.name}
                  {column.description && <div className="muted small">{column.description}</div>}
                </th>
                <td>{column.type}</td>
                <td>
                  <ul className="plain">
                    {(column.derivedFrom ?? []).map((source, i) => (
                      <li key={i}>
                        <Link href={nodeHref(source.datasetVersion)}>{source.node?.name ?? 'a dataset'}</Link> {source.column}
                        {source.transformations.map((how, j) => (
                          <span key={j} className="muted small">
                            {' '}
                            {how.description ?? label(how.type)}
                          </span>
                        ))}
                      </li>
                    ))}
                  </ul>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Metrics({ metrics }: { metrics: readonly { name: string; value: number }[] | null }) {
  if (!metrics || metrics.length === 0) return null;
  return (
    <Panel title="Metrics">
      <dl className="tiles">
        {metrics.map((metric) => (
          <div key={metric.name}>
            <dt>{metric.name}</dt>
            <dd>{number(metric.value)}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function Neighbours({ title, around }: { title: string; around: Around | null }) {
  const edges = around?.edges ?? [];
  return (
    <Panel title={title} more={around?.totalCount != null && <span className="muted">{around.totalCount}</span>}>
      {edges.length === 0 && <p className="muted">Nothing that you may see.</p>}
      <ul className="rows">
        {edges.map(({ node, relation }, i) => (
          <li key={node?.id ?? i}>
            <span className="muted small">{label(relation)}</span> <Kind kind={node?.kind} /> {node?.name == null ? <em className="muted">restricted</em> : <Link href={nodeHref(node.id)}>{node.name}</Link>} {node && <Recalled id={node.id} state={stateOf(node)} />}
          </li>
        ))}
      </ul>
      {around?.pageInfo.hasNextPage && <p className="muted small">Only the first {count(nodesOf(around).length, 'node')}; the lineage shows all.</p>}
    </Panel>
  );
}
