// /recalls/:id: one recall, the deployments that it concerns by environment and owner, and what was done about each.
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, type ResultOf } from '../api/graphql';
import { useLive } from '../api/live';
import { useMay, useViewer } from '../api/viewer';
import { ActionDialog, TextField } from '../components/ActionDialog';
import { graphiqlHref, nodeHref, useSegments } from '../components/links';
import { Kind, Stage, Time } from '../components/Marks';
import { Answer, NotFound, Page, Panel } from '../components/Page';
import { Pager } from '../components/Pager';
import { PathList } from '../components/PathList';
import { count, label } from '../components/format';
import { useList } from '../components/useList';
import { truncationText } from '../graph/labels';
import { Severity } from './Recalls';

const RECALL = graphql(`
  query Recall($id: ID!) {
    recall(id: $id) {
      id revision number reason severity links state recalledBy recalledAt clearedBy clearedAt comment
      nodes { id kind name }
      fixedBy { id kind name }
      clearing { askedBy askedAt reason }
    }
  }
`);

const AFFECTED = graphql(`
  query RecallAffected($id: ID!, $live: Boolean!, $after: String) {
    recallAffected(id: $id, live: $live, first: 50, after: $after) {
      edges { environment owner stage depth node { id kind name } path { id kind name } resolution { id handling reason resolvedBy resolvedAt } }
      counts { total environments { environment count } }
      pageInfo { hasNextPage endCursor }
      truncation { truncated reasons frontier redacted }
    }
  }
`);

const CLEAR = graphql(`mutation ClearRecall($input: ClearRecallInput!) { clearRecall(input: $input) { recall { id revision state clearing { askedBy askedAt reason } } } }`);
const DECIDE = graphql(`
  mutation DecideRecallClearing($input: DecideRecallClearingInput!) {
    decideRecallClearing(input: $input) { recall { id revision state clearedBy clearedAt comment clearing { askedBy askedAt reason } } }
  }
`);
const RESOLVE = graphql(`
  mutation ResolveRecallDeployment($input: ResolveRecallDeploymentInput!) {
    resolveRecallDeployment(input: $input) { resolution { id revision handling reason resolvedBy resolvedAt } }
  }
`);

type Data = NonNullable<ResultOf<typeof RECALL>['recall']>;
type Affected = NonNullable<ResultOf<typeof AFFECTED>['recallAffected']>;
type Handling = NonNullable<Affected['edges'][number]['resolution']>['handling'];

export default function RecallPage() {
  const id = useSegments()[1] ?? '';
  const [{ data, fetching, error }, again] = useQuery({ query: RECALL, variables: { id } });
  useLive(() => again({ requestPolicy: 'network-only' }));
  if (data && data.recall === null && !error) return <NotFound what="recall with this id" />;
  const recall = data?.recall;
  return (
    <Page
      title={recall?.number ? `Recall ${recall.number}` : 'Recall'}
      crumbs={[['Recalls', '/recalls']]}
      lead={
        recall && (
          <span className="badges">
            <Severity severity={recall.severity} />
            {recall.state === 'CLEARED' ? <span className="badge good">cleared</span> : <span className="badge bad">open</span>}
            <span>
              recalled by {recall.recalledBy}, <Time at={recall.recalledAt} />
            </span>
          </span>
        )
      }
      actions={
        <>
          {recall && <Clearing recall={recall} />}
          <a className="button" href={graphiqlHref(print(RECALL), { id })}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      <Answer data={recall} fetching={fetching} error={error} lines={8}>
        {(found) => <Content recall={found} />}
      </Answer>
    </Page>
  );
}

/** Its end takes two people: one asks, another decides. */
function Clearing({ recall }: { recall: Data }) {
  const viewer = useViewer();
  const may = useMay();
  const [, ask] = useMutation(CLEAR);
  const [, decide] = useMutation(DECIDE);
  const [reason, setReason] = useState('');
  const [comment, setComment] = useState('');
  if (recall.state !== 'OPEN') return null;
  if (recall.clearing === null) {
    if (!may('recall.write')) return null;
    return (
      <ActionDialog button="Ask to clear it…" title="Ask to clear the recall" confirm="Ask" primary ready={reason.trim() !== ''} onSubmit={async () => (await ask({ input: { id: recall.id, reason } })).error}>
        <p>It stands until a second person agrees.</p>
        <TextField label="Reason" value={reason} onChange={setReason} rows={3} required hint="Why it is over. It stays in the log." />
      </ActionDialog>
    );
  }
  if (!may('recall.clear') || recall.clearing.askedBy === viewer?.subject) return null;
  const button = (approve: boolean) => (
    <ActionDialog
      button={approve ? 'Clear it…' : 'Keep it…'}
      title={approve ? 'Clear the recall' : 'Keep the recall'}
      confirm={approve ? 'Clear' : 'Keep'}
      primary={approve}
      onSubmit={async () => (await decide({ input: { id: recall.id, approve, comment: comment || null } })).error}
    >
      <p>{approve ? 'What descends from it may then be promoted again.' : 'It stands. Others may ask again.'}</p>
      <TextField label="Comment" value={comment} onChange={setComment} rows={3} hint="It stays in the log." />
    </ActionDialog>
  );
  return (
    <>
      {button(true)}
      {button(false)}
    </>
  );
}

function Content({ recall }: { recall: Data }) {
  const viewer = useViewer();
  return (
    <>
      <p className="sentence">{recall.reason}</p>
      {recall.clearing && recall.state === 'OPEN' && (
        <div className="notice">
          {recall.clearing.askedBy === viewer?.subject ? 'You asked' : `${recall.clearing.askedBy} asked`} to clear it, <Time at={recall.clearing.askedAt} />
          {recall.clearing.reason ? `: ${recall.clearing.reason}` : ''}. It waits for {recall.clearing.askedBy === viewer?.subject ? 'a second person' : 'a decision'}.
        </div>
      )}
      {recall.state === 'CLEARED' && (
        <p className="notice">
          Cleared by {recall.clearedBy}, <Time at={recall.clearedAt} />
          {recall.comment ? `: ${recall.comment}` : ''}.
        </p>
      )}
      <div className="sided">
        <Deployments recall={recall} />
        <div className="stack">
          <Panel title="What is bad" more={<span className="muted">{recall.nodes?.length ?? 0}</span>}>
            <ul className="rows">
              {(recall.nodes ?? []).map((one) => (
                <li key={one.id}>
                  <Kind kind={one.kind} /> {one.name === null ? <em className="muted">restricted</em> : <Link href={nodeHref(one.id)}>{one.name}</Link>}
                </li>
              ))}
            </ul>
          </Panel>
          {(recall.fixedBy ?? []).length > 0 && (
            <Panel title="Repaired by">
              <ul className="rows">
                {recall.fixedBy!.map((one) => (
                  <li key={one.id}>
                    <Kind kind={one.kind} /> {one.name === null ? <em className="muted">restricted</em> : <Link href={nodeHref(one.id)}>{one.name}</Link>}
                  </li>
                ))}
              </ul>
            </Panel>
          )}
          {(recall.links ?? []).length > 0 && (
            <Panel title="To read">
              <ul className="rows">
                {recall.links!.map((link) => (
                  <li key={link}>
                    {/^https?:\/\//i.test(link) ? (
                      <a href={link} rel="noopener noreferrer nofollow ugc" target="_blank">
                        {link}
                      </a>
                    ) : (
                      link
                    )}
                  </li>
                ))}
              </ul>
            </Panel>
          )}
        </div>
      </div>
    </>
  );
}

function Deployments({ recall }: { recall: Data }) {
  const list = useList();
  const may = useMay();
  const live = list.value('live') !== 'no';
  const [{ data, fetching, error }, again] = useQuery({ query: AFFECTED, variables: { id: recall.id, live, after: list.after } });
  useLive(() => again({ requestPolicy: 'network-only' }));
  return (
    <Panel
      title="Deployments that learned from it"
      more={
        <button type="button" aria-pressed={!live} onClick={() => list.filter('live', live ? 'no' : '')}>
          Also those that ended since
        </button>
      }
    >
      <Answer data={data?.recallAffected} fetching={fetching} error={error}>
        {(found) => {
          const sentences = truncationText(found.truncation);
          const groups = new Map<string, Affected['edges']>();
          for (const edge of found.edges) {
            const key = edge.environment ?? 'a hidden environment';
            groups.set(key, [...(groups.get(key) ?? []), edge]);
          }
          return (
            <>
              <p role="status">
                <strong>{count(found.counts.total, 'deployment')}</strong> {found.counts.total === 1 ? 'learned' : 'have learned'} from it
                {found.counts.environments.length > 0 && `: ${found.counts.environments.map((one) => `${one.count} in ${one.environment ?? 'a hidden environment'}`).join(', ')}`}.
              </p>
              {sentences.length > 0 && <p className="notice">{sentences.join(' ')}</p>}
              {[...groups].map(([environment, edges]) => (
                <section key={environment} aria-label={environment}>
                  <h3>{environment}</h3>
                  <ul className="rows">
                    {edges.map((edge) => (
                      <li key={edge.node.id}>
                        <div className="between">
                          <div>
                            <strong>{edge.node.name === null ? 'a restricted deployment' : <Link href={nodeHref(edge.node.id)}>{edge.node.name}</Link>}</strong>{' '}
                            <span className="muted">{edge.owner ? `owned by ${edge.owner}` : 'nobody owns it, as far as you may see'}</span> {edge.stage && <Stage stage={edge.stage} />}
                            <div className="small">
                              {edge.resolution ? (
                                <>
                                  <span className="badge good">{label(edge.resolution.handling)}</span> by {edge.resolution.resolvedBy}, <Time at={edge.resolution.resolvedAt} />
                                  {edge.resolution.reason ? `: ${edge.resolution.reason}` : ''}
                                </>
                              ) : (
                                <span className="badge warn">nothing done yet</span>
                              )}
                            </div>
                          </div>
                          {recall.state === 'OPEN' && may('recall.resolve') && edge.node.name !== null && <Resolve recall={recall.id} deployment={edge.node.id} name={edge.node.name} />}
                        </div>
                        <PathList path={edge.path} />
                      </li>
                    ))}
                  </ul>
                </section>
              ))}
              <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
            </>
          );
        }}
      </Answer>
    </Panel>
  );
}

const HANDLINGS = [
  ['REPLACED', 'Another version took its place; it has ended'],
  ['ROLLED_BACK', 'The version before took its place; it has ended'],
  ['ACCEPTED', 'It goes on, for a reason'],
] as const;

function Resolve({ recall, deployment, name }: { recall: string; deployment: string; name: string }) {
  const [, resolve] = useMutation(RESOLVE);
  const [handling, setHandling] = useState('');
  const [reason, setReason] = useState('');
  return (
    <ActionDialog
      button="Resolve…"
      title={`What was done about ${name}`}
      confirm="Note it"
      ready={handling !== '' && (handling !== 'ACCEPTED' || reason.trim() !== '')}
      onSubmit={async () => (await resolve({ input: { recall, deployment, handling: handling as NonNullable<Handling>, reason: reason || null } }, { additionalTypenames: ['RecallResolution', 'AffectedEdge'] })).error}
    >
      <div className="field">
        <label htmlFor="handling">What was done</label>
        <select id="handling" value={handling} required onChange={(event) => setHandling(event.target.value)}>
          <option value="">Choose…</option>
          {HANDLINGS.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <TextField label="Reason" value={reason} onChange={setReason} rows={3} hint="Needed when it goes on. It stays in the log." />
    </ActionDialog>
  );
}
