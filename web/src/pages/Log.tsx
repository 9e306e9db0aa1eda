// /log: who did what. The proof that the log holds an entry is checked in the reader's own browser.
import { useState } from 'react';
import { useClient, useQuery, type Client } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, nodesOf, type ResultOf } from '../api/graphql';
import { watchedFetch } from '../api/connection';
import { queryErrorText } from '../api/errortext';
import { BASE, REQUEST_HEADER } from '../api/session';
import { useMay, useViewer } from '../api/viewer';
import { Choice } from '../components/Choice';
import { lineageHref } from '../components/links';
import { Time } from '../components/Marks';
import { Answer, Page, Skeleton } from '../components/Page';
import { Pager } from '../components/Pager';
import { title } from '../components/format';
import { useList } from '../components/useList';
import { canonical, leafHash, parseExactly, verifyCheckpoint, verifyInclusion, type Leaf } from './log/merkle';

const LOG = graphql(`
  query Log($after: String, $filter: LogFilter) {
    auditLog(first: 50, after: $after, filter: $filter) {
      edges { node { seq at actor action objects reason approval requestId detail leafHash } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const CHECKPOINT = graphql(`query LogCheckpoint { auditCheckpoint { origin size root note publicKey } }`);

const PROOF = graphql(`
  query LogProof($seq: Int64!, $size: Int64!, $since: DateTime!, $before: DateTime!) {
    auditProof(seq: $seq, size: $size) { seq size leafHash root hashes }
    auditLog(first: 200, filter: { since: $since, before: $before }) { edges { node { seq at actor action objects model reason approval requestId detail } } }
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
    try {
      setProof(await proofOf(client, entry));
    } catch (error) {
      setProof(error instanceof Error ? error.message : 'There is no proof.');
    }
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

/** Proves an entry, and says what was proved. */
async function proofOf(client: Client, entry: Entry): Promise<string> {
  if (crypto.subtle === undefined) return 'This browser computes hashes only for pages that come by HTTPS or from this machine.';
  const { data, error } = await client.query(CHECKPOINT, {}, { requestPolicy: 'network-only' }).toPromise();
  const checkpoint = data?.auditCheckpoint;
  if (!checkpoint) return error ? queryErrorText(error) : 'There is no checkpoint.';
  // The answer is read as text: the hash is made of numbers as the server wrote them.
  const before = new Date(Date.parse(entry.at!) + 1).toISOString();
  const response = await watchedFetch(`${BASE}/graphql`, {
    method: 'POST',
    headers: { ...REQUEST_HEADER, 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: print(PROOF), variables: { seq: entry.seq, size: checkpoint.size, since: entry.at, before } }),
    credentials: 'same-origin',
    cache: 'no-store',
  });
  const answer = parseExactly(await response.text()) as { data?: { auditProof: Proof | null; auditLog: { edges: { node: Leaf | null }[] } | null }; errors?: unknown[] };
  const found = answer.data?.auditProof;
  if (!found) return 'There is no proof.';
  const whole = answer.data?.auditLog?.edges.map(({ node }) => node).find((node) => node !== null && text(node.seq) === String(entry.seq));
  const leaf = entry.leafHash ?? found.leafHash;
  const inside = await verifyInclusion({ index: Number(text(found.seq)) - 1, size: Number(text(found.size)), leaf, root: found.root, hashes: found.hashes }).catch(() => false);
  if (!inside) return 'NOT proved: the log does not hold an entry with this hash.';
  const signed = await verifyCheckpoint(checkpoint.note, checkpoint.publicKey, text(found.size), found.root).catch(() => null);
  if (signed === false) return 'NOT proved: the key of this log did not sign this root.';
  const sealed = whole && !answer.errors ? (await leafHash(whole)) === leaf : null;
  if (sealed === false) return 'NOT proved: the hash is not that of what the entry says.';
  return [
    `Proved in this browser: a log of ${text(found.size)} entries with the root ${found.root} holds ${sealed ? 'exactly this entry' : 'an entry with this hash'}.`,
    sealed === null ? 'The hash was not computed anew, because your roles do not see the whole entry.' : '',
    signed === null ? 'This browser does not check Ed25519 signatures.' : `${checkpoint.origin} signed that root.`,
    'Compare it with a checkpoint that you keep.',
  ]
    .filter(Boolean)
    .join(' ');
}

interface Proof {
  seq: unknown;
  size: unknown;
  leafHash: string;
  root: string;
  hashes: string[];
}

/** A number as it was written. */
const text = (value: unknown) => canonical(value).replaceAll('"', '');
