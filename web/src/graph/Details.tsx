import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql } from '../api/graphql';
import { label } from '../components/format';
import { impactHref, lineageHref, nodeHref, versionHref } from '../components/links';
import { Kind, Stage } from '../components/Marks';
import { Recalled, stateOf } from '../components/Recalled';
import type { Settings } from './Controls';
import { nodeTitle } from './labels';
import type { Loaded } from './useLineage';

const NODE = graphql(`
  query NodeBrief($id: ID!) {
    node(id: $id) {
      __typename
      ... on ModelVersion { recallState modelName version stage owner description }
      ... on DatasetVersion { recallState namespace version dataRole: role rows description }
      ... on Run { recallState runKind status actor description }
      ... on Commit { recallState author message work: role }
      ... on Tag { recallState tagger message }
      ... on Feature { recallState column owner description }
      ... on Deployment { recallState environment live owner description }
    }
  }
`);

interface Props {
  id: string;
  root: string;
  loaded: Loaded;
  settings: Settings;
  onSet: (change: Record<string, string | null>, how?: 'push' | 'replace') => void;
}

/** What is known about the picked node, and where one can go from it. */
export function Details({ id, root, loaded, settings, onSet }: Props) {
  const one = loaded.nodes.find(({ node }) => node.id === id);
  const restricted = one !== undefined && one.node.name === null;
  const [{ data }] = useQuery({ query: NODE, variables: { id }, pause: one === undefined || restricted });
  if (one === undefined) {
    return (
      <aside className="panel details" aria-live="polite" aria-label="Details">
        <p className="muted">The picked node is not in this answer.</p>
      </aside>
    );
  }
  const also = loaded.edges.filter((edge) => edge.to === id && edge.from !== one.treeParent).map((edge) => edge.from);
  const names = new Map(loaded.nodes.map(({ node }) => [node.id, nodeTitle({ kind: node.kind, name: node.name, restricted: node.name === null })]));
  const node = data?.node;
  return (
    <aside className="panel details" aria-live="polite" aria-label="Details">
      <div className="panel-head">
        <h2>{names.get(id)}</h2>
        <button type="button" onClick={() => onSet({ select: null }, 'replace')}>
          Close
        </button>
      </div>
      <dl className="facts">
        <dt>Kind</dt>
        <dd>
          <Kind kind={one.node.kind} /> {node && <Recalled id={id} state={stateOf(node)} />}
        </dd>
        {!restricted && (
          <>
            <dt>Id</dt>
            <dd>
              <code>{id}</code>
            </dd>
          </>
        )}
        {node && <Brief node={node} />}
        <dt>Steps</dt>
        <dd>{one.depth}</dd>
        <dt>Causes, effects</dt>
        <dd>
          {one.upstreamDegree}, {one.downstreamDegree}
        </dd>
        {also.length > 0 && (
          <>
            <dt>Also from</dt>
            <dd>
              {also.slice(0, 20).map((other, i) => (
                <span key={other}>
                  {i > 0 && ', '}
                  <button type="button" className="link" onClick={() => onSet({ select: other }, 'replace')}>
                    {names.get(other) ?? 'a node that is not shown'}
                  </button>
                </span>
              ))}
            </dd>
          </>
        )}
      </dl>
      {!restricted && (
        <div className="actions">
          {node?.__typename === 'ModelVersion' && node.modelName && node.version ? (
            <Link className="button" href={versionHref(node.modelName, node.version)}>
              Open its page
            </Link>
          ) : (
            <Link className="button" href={nodeHref(id)}>
              Open its page
            </Link>
          )}
          {id !== root && (
            <Link className="button" href={`${lineageHref(id)}${settings.view ? `?view=${settings.view}` : ''}`}>
              Start here
            </Link>
          )}
          <Link className="button" href={impactHref(id)}>
            Its impact
          </Link>
          {id !== root && (
            <button type="button" aria-pressed={settings.path === id} onClick={() => onSet({ path: settings.path === id ? null : id })}>
              Only paths to it
            </button>
          )}
        </div>
      )}
    </aside>
  );
}

/** The facts of a node that matter at a glance. */
function Brief({ node }: { node: { __typename: string } & Record<string, unknown> }) {
  const skip = new Set(['__typename', 'recallState', 'modelName', 'stage', 'description', 'message']);
  const text = node['description'] ?? node['message'];
  return (
    <>
      {Object.entries(node)
        .filter(([key, value]) => !skip.has(key) && value != null && value !== '')
        .map(([key, value]) => (
          <div key={key} className="contents">
            <dt>{label(key.replaceAll(/([A-Z])/g, '_$1'))}</dt>
            <dd>{typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)}</dd>
          </div>
        ))}
      {typeof node['stage'] === 'string' && (
        <>
          <dt>Stage</dt>
          <dd>
            <Stage stage={node['stage']} />
          </dd>
        </>
      )}
      {typeof text === 'string' && text !== '' && (
        <>
          <dt>{node['message'] === undefined ? 'Description' : 'Message'}</dt>
          <dd className="description">{text}</dd>
        </>
      )}
    </>
  );
}
