// /runs: every run, newest first.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf } from '../api/graphql';
import { Choice } from '../components/Choice';
import { FactTabs } from '../components/FactTabs';
import { nodeHref } from '../components/links';
import { Time } from '../components/Marks';
import { Recalled } from '../components/Recalled';
import { Answer, Page } from '../components/Page';
import { Pager } from '../components/Pager';
import { label, number } from '../components/format';
import { useList } from '../components/useList';

const RUNS = graphql(`
  query Runs($after: String, $filter: RunFilter) {
    runs(first: 50, after: $after, filter: $filter, orderBy: { field: STARTED_AT, direction: DESC }) {
      edges { node { id name producer runId runKind status actor startedAt endedAt recallState metrics { name value } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const KINDS = ['ETL', 'FEATURE_ENGINEERING', 'TRAINING', 'EVALUATION', 'OTHER'] as const;

export default function Runs() {
  const list = useList();
  const kind = KINDS.find((one) => one === list.value('kind'));
  const [{ data, fetching, error }] = useQuery({ query: RUNS, variables: { after: list.after, filter: kind ? { runKind: kind } : null } });
  return (
    <Page title="Runs" actions={<FactTabs current="/runs" />}>
      <div className="toolbar">
        <Choice name="Kind" value={kind ?? ''} options={KINDS} onSet={(value) => list.filter('kind', value)} />
      </div>
      <Answer data={data?.runs} fetching={fetching} error={error}>
        {(found) => (
          <div className="panel">
            {found.edges.length === 0 && <p className="muted">No run is recorded, or your roles see none.</p>}
            <ul className="rows">
              {nodesOf(found).map((run) => (
                <li key={run.id}>
                  <Link href={nodeHref(run.id)}>{run.name ?? 'restricted run'}</Link> <span className="badge">{label(run.runKind)}</span>{' '}
                  <span className={run.status === 'FAILED' || run.status === 'ABORTED' ? 'badge bad' : run.status === 'COMPLETE' ? 'badge good' : 'badge warn'}>{label(run.status)}</span> <Recalled id={run.id} state={run.recallState} />
                  <div className="muted small">
                    {run.producer} {run.runId}, by {run.actor ?? 'someone'}, <Time at={run.startedAt} />
                    {(run.metrics ?? []).slice(0, 4).map((metric) => ` · ${metric.name} ${number(metric.value)}`)}
                  </div>
                </li>
              ))}
            </ul>
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </div>
        )}
      </Answer>
    </Page>
  );
}
