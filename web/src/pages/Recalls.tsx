// /recalls: what was found to be bad, the open ones first, with how many live deployments each concerns.
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, nodesOf } from '../api/graphql';
import { useLive } from '../api/live';
import { useMay, useViewer } from '../api/viewer';
import { Boards } from '../components/Boards';
import { Choice } from '../components/Choice';
import { graphiqlHref, nodeHref, recallHref } from '../components/links';
import { Kind, Time } from '../components/Marks';
import { Answer, Page, Skeleton } from '../components/Page';
import { Pager } from '../components/Pager';
import { count, label } from '../components/format';
import { useList } from '../components/useList';

const RECALLS = graphql(`
  query Recalls($filter: RecallFilter, $after: String) {
    recalls(first: 20, after: $after, filter: $filter) {
      edges { node { id number reason severity state recalledBy recalledAt clearedBy clearedAt clearing { askedBy askedAt reason } nodes { id kind name } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const NODE = graphql(`query RecalledNode($id: ID!) { node(id: $id) { id ... on ProvenanceNode { kind name } } }`);

const SEVERITIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'] as const;

export default function Recalls() {
  const list = useList();
  const viewer = useViewer();
  const may = useMay();
  const severity = SEVERITIES.find((one) => one === list.value('severity'));
  const node = list.value('node');
  const state = list.value('state');
  const filter = { ...(node ? { node } : state === 'all' ? {} : { open: state !== 'cleared' }), ...(severity && { severity }) };
  const [{ data, fetching, error }, again] = useQuery({ query: RECALLS, variables: { filter, after: list.after }, pause: viewer === null || !may('recall.read') });
  const [{ data: about }] = useQuery({ query: NODE, variables: { id: node }, pause: node === '' });
  useLive(() => again({ requestPolicy: 'network-only' }));
  if (viewer === null) return <Skeleton />;
  const subject = about?.node && 'name' in about.node ? about.node : null;
  return (
    <Page
      title="Recalls"
      lead="What was found to be bad. All that descends from it shows it, and is not promoted."
      actions={
        <a className="button" href={graphiqlHref(print(RECALLS), { filter })}>
          Open this query in GraphiQL
        </a>
      }
    >
      <Boards current="recalls" />
      {!may('recall.read') && <p className="empty">Your roles may not read recalls. Ask an administrator for a role that may.</p>}
      {may('recall.read') && (
        <>
          {node === '' ? (
            <div className="toolbar">
              <Choice name="State" value={state} all="open" options={[['cleared', 'cleared'], ['all', 'open and cleared']]} onSet={(value) => list.filter('state', value)} />
              <Choice name="Severity" value={severity ?? ''} options={SEVERITIES} onSet={(value) => list.filter('severity', value)} />
            </div>
          ) : (
            <p className="notice">
              The open recalls under which {subject?.name == null ? 'a node' : <Link href={nodeHref(node)}>{subject.name}</Link>} stands. <Link href="/recalls">All recalls</Link>
            </p>
          )}
          <Answer data={data?.recalls} fetching={fetching} error={error}>
            {(found) => (
              <div className="panel">
                {found.edges.length === 0 && <p className="muted">{node === '' ? 'Nothing is recalled. On the page of a dataset version, a run, a commit, a feature or a version, “Recall…” says that it is bad.' : 'None that you may see.'}</p>}
                <ul className="rows">
                  {nodesOf(found).map((recall) => (
                    <li key={recall.id}>
                      <Severity severity={recall.severity} /> <Link href={recallHref(recall.id)}>Recall {recall.number}</Link> {recall.state === 'CLEARED' && <span className="badge good">cleared</span>}
                      {recall.clearing && recall.state === 'OPEN' && <span className="badge warn">waits for a second person</span>}
                      <div>{recall.reason}</div>
                      <div className="small">
                        {(recall.nodes ?? []).slice(0, 3).map((one) => (
                          <span key={one.id} className="contents-inline">
                            <Kind kind={one.kind} /> {one.name === null ? <em className="muted">restricted</em> : <Link href={nodeHref(one.id)}>{one.name}</Link>}{' '}
                          </span>
                        ))}
                        {(recall.nodes?.length ?? 0) > 3 && `and ${count(recall.nodes!.length - 3, 'other')}`}
                      </div>
                      <div className="muted small">
                        recalled by {recall.recalledBy}, <Time at={recall.recalledAt} />
                        {recall.clearedBy && (
                          <>
                            {' '}
                            · cleared by {recall.clearedBy}, <Time at={recall.clearedAt} />
                          </>
                        )}
                      </div>
                    </li>
                  ))}
                </ul>
                <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
              </div>
            )}
          </Answer>
        </>
      )}
    </Page>
  );
}

/** How bad a recall is. */
export function Severity({ severity }: { severity: string | null }) {
  return <span className={severity === 'CRITICAL' || severity === 'HIGH' ? 'badge bad' : 'badge warn'}>{label(severity)}</span>;
}
