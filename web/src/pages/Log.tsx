// /log: who did what. The proof that the log holds an entry is checked in the reader's own browser.
import { useState } from 'react';
import { useClient, useQuery } from 'urql';
import { Link } from 'wouter';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { queryErrorText } from '../api/errortext';
import { useMay, useViewer } from '../api/viewer';
import { Choice } from '../components/Choice';
import { lineageHref } from '../components/links';
import { Time } from '../components/Marks';
import { Answer, Page, Skeleton } from '../components/Page';
import { Pager } from '../components/Pager';
import { title } from '../components/format';
import { useList } from '../components/useList';
import { verifyInclusion } from './log/merkle';

const LOG = graphql(`
  query Log($after: String, $filter: LogFilter) {
    auditLog(first: 50, after: $after, filter: $filter) {
      edges { node { seq at actor action objects reason approval requestId detail leafHash } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const PROOF = graphql(`
  query LogProof($seq: Int64!) {
    auditProof(seq: $seq) { seq size leafHash root hashes }
  }
`);

type Entry = NonNullable<NonNullable<ResultOf<typeof LOG>['auditLog']>['edges'][number]['node']>;

const ACTIONS = ['model_registered', 'model_updated', 'version_registered', 'card_updated', 'stage_changed', 'model_deployed', 'model_deprecated', 'model_archived', 'alias_set', 'deployment_recorded', 'role_assigned', 'token_created'];

export default function Log() {
  const list = useList();
  const viewer = useViewer();
  const may = useMay();
  const [actor, setActor] = useState(list.value('actor'));
  const action = list.value('action');
  const [{ data, fetching, error }] = useQuery({
    query: LOG,
    variables: { after: list.after, filter: { ...(action && { actions: [action] }), ...(list.value('actor') && { actor: list.value('actor') }) } },
    pause: !may('log.read'),
  });
  if (viewer === null) return <Skeleton />;
  return (
    <Page title="Log" lead="Who did what, newest first. Nothing is ever removed from it.">
      {!may('log.read') ? (
        <p className="empty">Your roles may not read the log. Ask an administrator for a role that may.</p>
      ) : (
        <>
          <form
            className="toolbar"
            role="search"
            aria-label="Filter the log"
            onSubmit={(event) => {
              event.preventDefault();
              list.filter('actor', actor);
            }}
          >
            <Choice name="What" value={action} options={ACTIONS} onSet={(value) => list.filter('action', value)} />
            <div className="field">
              <label htmlFor="actor">Who</label>
              <input id="actor" value={actor} autoComplete="off" onChange={(event) => setActor(event.target.value)} />
            </div>
            <button type="submit">Filter</button>
          </form>
          <Answer data={data?.auditLog} fetching={fetching} error={error}>
            {(log) => (
              <div className="panel">
                {log.edges.length === 0 && <p className="muted">No entry fits.</p>}
                <ul className="rows">
                  {nodesOf(log).map((entry) => (
                    <Row key={String(entry.seq)} entry={entry} />
                  ))}
                </ul>
                <Pager hasNext={log.pageInfo.hasNextPage} after={list.after} end={log.pageInfo.endCursor} onGo={list.go} />
              </div>
            )}
          </Answer>
        </>
      )}
    </Page>
  );
}

function Row({ entry }: { entry: Entry }) {
  const client = useClient();
  const [proof, setProof] = useState('');
  async function prove() {
    setProof('Asking for the proof…');
    const { data, error } = await client.query(PROOF, { seq: entry.seq! }, { requestPolicy: 'network-only' }).toPromise();
    const found = data?.auditProof;
    if (!found) {
      setProof(error ? queryErrorText(error) : 'There is no proof.');
      return;
    }
    if (crypto.subtle === undefined) {
      setProof('This browser computes hashes only for pages that come by HTTPS or from this machine.');
      return;
    }
    const proved = await verifyInclusion({ index: Number(found.seq) - 1, size: Number(found.size), leaf: entry.leafHash ?? found.leafHash, root: found.root, hashes: found.hashes }).catch(() => false);
    setProof(
      proved
        ? `Proved in this browser: a log of ${found.size} entries with the root ${found.root} holds an entry with this hash. Compare the root with a checkpoint that you keep.`
        : 'NOT proved: the log does not hold an entry with this hash.',
    );
  }
  return (
    <li>
      <details>
        <summary>
          <strong>{title(entry.action)}</strong> by {entry.actor ?? 'someone'}
          {entry.reason ? `: ${entry.reason}` : ''} <span className="muted small"><Time at={entry.at} /></span>
        </summary>
        <dl className="facts">
          <dt>Entry</dt>
          <dd>{String(entry.seq)}</dd>
          {(entry.objects ?? []).length > 0 && (
            <>
              <dt>Objects</dt>
              <dd>
                {entry.objects!.slice(0, 10).map((id) => (
                  <div key={id}>
                    <Link href={lineageHref(id)}>
                      <code>{id}</code>
                    </Link>
                  </div>
                ))}
              </dd>
            </>
          )}
          {entry.leafHash && (
            <>
              <dt>Hash</dt>
              <dd>
                <code>{entry.leafHash}</code>
              </dd>
            </>
          )}
          {entry.requestId && (
            <>
              <dt>Request</dt>
              <dd>
                <code>{entry.requestId}</code>
              </dd>
            </>
          )}
          {entry.detail != null && (
            <>
              <dt>Detail</dt>
              <dd>
                <pre>{JSON.stringify(entry.detail, null, 2)}</pre>
              </dd>
            </>
          )}
        </dl>
        {entry.seq !== null && entry.leafHash !== null && (
          <div className="actions">
            <button type="button" onClick={() => void prove()}>
              Prove this entry
            </button>
          </div>
        )}
        <p role="status" className="small">
          {proof}
        </p>
      </details>
    </li>
  );
}
