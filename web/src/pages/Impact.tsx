// /impact/:id: which live deployments depend on a node, by environment and owner, each with the shortest path to it.
import { useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, type ResultOf } from '../api/graphql';
import { graphiqlHref, lineageHref, modelHref, nodeHref, useSegments } from '../components/links';
import { Kind, Stage, Time } from '../components/Marks';
import { Answer, NotFound, Page, Panel } from '../components/Page';
import { Pager } from '../components/Pager';
import { PathList } from '../components/PathList';
import { RecallButton } from '../components/RecallButton';
import { MARK, Recalled, stateOf } from '../components/Recalled';
import { count } from '../components/format';
import { useUrlState } from '../components/useUrlState';
import { save } from '../components/save';
import { truncationText } from '../graph/labels';

const IMPACT = graphql(`
  query Impact($of: ID!, $live: Boolean!, $targets: [NodeKind!]!, $after: String) {
    node(id: $of) { __typename id ... on ProvenanceNode { kind name ...Mark } }
    impact(of: [$of], live: $live, targets: $targets, after: $after) {
      totalCount
      asOf
      counts { total environments { environment count } }
      models { models { model { id name } versions liveDeployments } }
      edges { depth environment owner stage node { id kind name ...Mark } path { id kind name } }
      pageInfo { hasNextPage endCursor }
      truncation { truncated reasons frontier redacted }
    }
  }
`, [MARK]);

type Impact = NonNullable<ResultOf<typeof IMPACT>['impact']>;

export default function ImpactPage() {
  const id = useSegments()[1] ?? '';
  const [params, set] = useUrlState();
  const live = params.get('live') !== 'no';
  const versions = params.get('targets') === 'versions';
  const after = params.get('after');
  const variables = { of: id, live, targets: [versions ? ('MODEL_VERSION' as const) : ('DEPLOYMENT' as const)], after };
  const [{ data, fetching, error }] = useQuery({ query: IMPACT, variables });
  if (data && data.node === null && !error) return <NotFound what={`node with the id ${id}`} />;
  const node = data?.node && 'name' in data.node ? data.node : null;
  const name = node?.name ?? '…';
  return (
    <Page
      title={`Impact of ${name}`}
      lead={node && <span className="badges"><Kind kind={node.kind} /> <Recalled id={id} state={stateOf(node)} /></span>}
      actions={
        <>
          {node && <RecallButton id={id} kind={node.kind} name={name} />}
          <Link className="button" href={`${lineageHref(id)}?direction=DOWNSTREAM`}>
            As a graph
          </Link>
          <a className="button" href={graphiqlHref(print(IMPACT), variables)}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      <div className="toolbar">
        <div className="field">
          <label htmlFor="targets">What depends on it</label>
          <select id="targets" value={versions ? 'versions' : ''} onChange={(event) => set({ targets: event.target.value, after: null })}>
            <option value="">deployments</option>
            <option value="versions">model versions</option>
          </select>
        </div>
        {!versions && (
          <div className="field">
            <label htmlFor="live">State</label>
            <select id="live" value={live ? '' : 'no'} onChange={(event) => set({ live: event.target.value, after: null })}>
              <option value="">live now</option>
              <option value="no">live or ended</option>
            </select>
          </div>
        )}
      </div>
      <Answer data={data?.impact} fetching={fetching} error={error}>
        {(impact) => <Content name={name} impact={impact} after={after} onGo={(to) => set({ after: to })} />}
      </Answer>
    </Page>
  );
}

function Content({ name, impact, after, onGo }: { name: string; impact: Impact; after: string | null; onGo: (after: string | null) => void }) {
  const [saved, setSaved] = useState(false);
  const rows = impact.edges;
  function exportList() {
    const cell = (value: string | null) => `"${(/^[=+\-@\t\r]/.test(value ?? '') ? `'${value}` : (value ?? '')).replaceAll('"', '""')}"`;
    const text = [
      'id,name,environment,owner,stage,steps,path',
      ...rows.map((row) => [row.node.id, row.node.name, row.environment, row.owner, row.stage, String(row.depth), row.path.map((step) => step.name ?? 'restricted').join(' > ')].map(cell).join(',')),
    ].join('\r\n');
    save('impact.csv', `${text}\r\n`, 'text/csv');
    setSaved(true);
  }
  const sentences = truncationText(impact.truncation);
  return (
    <>
      <p className="sentence" role="status">
        <strong>{count(impact.counts.total, 'live deployment')}</strong> {impact.counts.total === 1 ? 'depends' : 'depend'} on {name}
        {impact.counts.environments.length > 0 && <>: {impact.counts.environments.map((one) => `${one.count} in ${one.environment ?? 'a hidden environment'}`).join(', ')}</>}. As of <Time at={impact.asOf} />.
      </p>
      {sentences.length > 0 && <p className="notice">{sentences.join(' ')}</p>}
      <div className="sided">
        <Panel
          title="Each with its shortest path"
          more={
            rows.length > 0 && (
              <button type="button" onClick={exportList}>
                {saved ? 'Saved as CSV' : 'Save as CSV'}
              </button>
            )
          }
        >
          {rows.length === 0 && <p className="empty">Nothing depends on it, of what your roles may see.</p>}
          <ul className="rows">
            {rows.map((row) => (
              <li key={row.node.id}>
                <strong>{row.node.name === null ? 'a restricted node' : <Link href={nodeHref(row.node.id)}>{row.node.name}</Link>}</strong>{' '}
                {row.environment && <span className="badge">{row.environment}</span>} {row.owner && <span className="muted">{row.owner}</span>} {row.stage && <Stage stage={row.stage} />} <Recalled id={row.node.id} state={stateOf(row.node)} />
                <PathList path={row.path} />
              </li>
            ))}
          </ul>
          <Pager hasNext={impact.pageInfo.hasNextPage} after={after} end={impact.pageInfo.endCursor} onGo={onGo} />
        </Panel>
        <Panel title="Models">
          {impact.models.models.length === 0 && <p className="muted">None.</p>}
          <ul className="rows">
            {impact.models.models.map((one, i) => (
              <li key={one.model?.id ?? i}>
                {one.model?.name ? <Link href={modelHref(one.model.name)}>{one.model.name}</Link> : 'a restricted model'}
                <div className="muted small">
                  {count(one.versions, 'version')}, {count(one.liveDeployments, 'live deployment')}
                </div>
              </li>
            ))}
          </ul>
        </Panel>
      </div>
    </>
  );
}
