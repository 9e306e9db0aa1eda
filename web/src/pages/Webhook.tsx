// /notifications/:id: one webhook: what it tells, its last attempts, what was given up, and what its people may do about it.
import { useEffect, useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { useLocation } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql, type ResultOf } from '../api/graphql';
import { useMay, useViewer } from '../api/viewer';
import { ActionDialog, TextField, refusal } from '../components/ActionDialog';
import { graphiqlHref, useSegments } from '../components/links';
import { Time } from '../components/Marks';
import { Answer, NotFound, Page, Panel } from '../components/Page';
import { ShownOnce } from '../components/ShownOnce';
import { long, title } from '../components/format';
import { EventFields, FORMATS, HookState, isEvent, type EventName } from './notifications/fields';

const WEBHOOK = graphql(`
  query Webhook($id: ID!) {
    webhook(id: $id) {
      id revision number name subject format address events model state position attempts nextAttempt oldSecretUntil createdBy createdAt updatedAt
      deliveries { seq at attempt outcome status }
      deadLetters { seq at }
    }
  }
`);
const UPDATE = graphql(`mutation UpdateWebhook($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { id revision state } } }`);
const ROTATE = graphql(`mutation RotateWebhookSecret($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) { webhook { id revision } secret } }`);
const TEST = graphql(`mutation TestWebhook($input: TestWebhookInput!) { testWebhook(input: $input) { webhook { id } } }`);
const REPLAY = graphql(`mutation ReplayWebhook($input: ReplayWebhookInput!) { replayWebhook(input: $input) { webhook { id } } }`);
const DELETE = graphql(`mutation DeleteWebhook($input: DeleteWebhookInput!) { deleteWebhook(input: $input) { deletedId } }`);

type Hook = NonNullable<ResultOf<typeof WEBHOOK>['webhook']>;

/** The server tells receivers after it has answered: the page looks again after so many ms, each time. */
const LOOKS = [300, 700, 1500, 3000, 6000, 12000];

export default function Webhook() {
  const id = useSegments()[1] ?? '';
  const viewer = useViewer();
  const may = useMay();
  const [{ data, fetching, error }, ask] = useQuery({ query: WEBHOOK, variables: { id } });
  const [looks, setLooks] = useState(LOOKS.length);
  useEffect(() => {
    const wait = LOOKS[looks];
    if (wait === undefined) return undefined;
    const timer = setTimeout(() => {
      ask({ requestPolicy: 'network-only' });
      setLooks(looks + 1);
    }, wait);
    return () => clearTimeout(timer);
  }, [looks, ask]);
  const [secret, setSecret] = useState<string | null>(null);
  if (data && data.webhook === null && !error) return <NotFound what="webhook with this id" />;
  const hook = data?.webhook;
  const again = () => {
    ask({ requestPolicy: 'network-only' });
    setLooks(0);
  };
  const turns = hook != null && (hook.subject === viewer?.subject || may('access.manage'));
  return (
    <Page
      title={hook?.name ?? 'Webhook'}
      crumbs={[['Notifications', '/notifications']]}
      lead={
        hook && (
          <span className="badges">
            <HookState state={hook.state} />
            <span>
              {FORMATS.find(([name]) => name === hook.format)?.[1]}, of {hook.subject}
            </span>
          </span>
        )
      }
      actions={
        <>
          {hook && (
            <>
              <Test id={hook.id} onDone={again} />
              {turns && <Pause hook={hook} onDone={again} />}
              {turns && <Edit hook={hook} onDone={again} />}
              {turns && hook.format === 'STANDARD' && (
                <Rotate
                  id={hook.id}
                  onDone={(made) => {
                    setSecret(made);
                    again();
                  }}
                />
              )}
              <Replay id={hook.id} onDone={again} />
              <Delete id={hook.id} name={hook.name ?? 'the webhook'} />
            </>
          )}
          <a className="button" href={graphiqlHref(print(WEBHOOK), { id })}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      {secret !== null && <ShownOnce what="The new secret" secret={secret} onDone={() => setSecret(null)} />}
      <Answer data={hook} fetching={fetching} error={error}>
        {(found) => (
          <div className="sided">
            <div className="stack">
              <Deliveries hook={found} />
              <DeadLetters hook={found} onDone={again} />
            </div>
            <About hook={found} />
          </div>
        )}
      </Answer>
    </Page>
  );
}

function About({ hook }: { hook: Hook }) {
  return (
    <Panel title="What it tells">
      <dl className="facts">
        <dt>Events</dt>
        <dd>{(hook.events ?? []).map((event) => title(event)).join(', ')}</dd>
        <dt>Models</dt>
        <dd>{hook.model ?? 'all'}</dd>
        <dt>Address</dt>
        <dd>{hook.address === null ? <span className="muted">hidden from you</span> : <code>{hook.address}</code>}</dd>
        <dt>Told up to</dt>
        <dd>entry {hook.position === null ? '' : long(hook.position)} of the log</dd>
        {(hook.attempts ?? 0) > 0 && (
          <>
            <dt>In vain</dt>
            <dd>
              {hook.attempts} times; again at <Time at={hook.nextAttempt} />
            </dd>
          </>
        )}
        {hook.oldSecretUntil && (
          <>
            <dt>Old secret</dt>
            <dd>
              signs too until <Time at={hook.oldSecretUntil} />
            </dd>
          </>
        )}
        <dt>Made</dt>
        <dd>
          by {hook.createdBy}, <Time at={hook.createdAt} />
        </dd>
        <dt>Changed</dt>
        <dd>
          <Time at={hook.updatedAt} />
        </dd>
      </dl>
    </Panel>
  );
}

function Deliveries({ hook }: { hook: Hook }) {
  const found = hook.deliveries ?? [];
  return (
    <Panel title="Last attempts">
      {found.length === 0 ? (
        <p className="muted">None yet. “Test” sends one now.</p>
      ) : (
        <div className="scroll" tabIndex={0} role="region" aria-label="Table of the last attempts">
          <table>
            <caption className="visually-hidden">The last attempts, newest first</caption>
            <thead>
              <tr>
                <th scope="col">Event</th>
                <th scope="col">Outcome</th>
                <th scope="col">When</th>
              </tr>
            </thead>
            <tbody>
              {found.map((one, i) => (
                <tr key={`${one.seq} ${one.at} ${i}`}>
                  <th scope="row">{Number(one.seq) === 0 ? 'test' : `entry ${long(one.seq!)}`}</th>
                  <td>
                    <span className={one.outcome === 'DELIVERED' ? 'badge good' : 'badge bad'}>{title(one.outcome)}</span> {one.status ? <span className="muted">{one.status}</span> : null}
                    {(one.attempt ?? 1) > 1 && <div className="muted small">attempt {one.attempt}</div>}
                  </td>
                  <td>
                    <Time at={one.at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

function DeadLetters({ hook, onDone }: { hook: Hook; onDone: () => void }) {
  const [, replay] = useMutation(REPLAY);
  const [problem, setProblem] = useState('');
  const found = hook.deadLetters ?? [];
  if (found.length === 0) return null;
  return (
    <Panel title="Given up">
      <p className="muted">These events were tried as often as the server tries. They are kept until they are told.</p>
      <p className="error" role="alert">
        {problem}
      </p>
      <ul className="rows">
        {found.map((one) => (
          <li key={String(one.seq)}>
            entry {long(one.seq!)} of the log, <Time at={one.at} />{' '}
            <button
              type="button"
              onClick={async () => {
                const { error } = await replay({ input: { id: hook.id, deadLetter: one.seq } });
                setProblem(error ? refusal(error) : '');
                if (!error) onDone();
              }}
            >
              Tell it again<span className="visually-hidden">: entry {String(one.seq)}</span>
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Test({ id, onDone }: { id: string; onDone: () => void }) {
  const [, test] = useMutation(TEST);
  return (
    <ActionDialog
      button="Test…"
      title="Send a test"
      confirm="Send"
      primary
      onSubmit={async () => {
        const { error } = await test({ input: { id } });
        if (!error) onDone();
        return error;
      }}
    >
      <p>The receiver gets an event of the type “test”, also while the webhook is paused.</p>
    </ActionDialog>
  );
}

function Pause({ hook, onDone }: { hook: Hook; onDone: () => void }) {
  const [, update] = useMutation(UPDATE);
  const paused = hook.state === 'PAUSED';
  return (
    <ActionDialog
      button={paused ? 'Go on…' : 'Pause…'}
      title={paused ? 'Go on where it was' : 'Pause it'}
      confirm={paused ? 'Go on' : 'Pause'}
      onSubmit={async () => {
        const { error } = await update({ input: { id: hook.id, paused: !paused, ifRevision: hook.revision } });
        if (!error) onDone();
        return error;
      }}
    >
      <p>{paused ? 'What happened meanwhile is told now, in its order.' : 'It stops where it is. What happens meanwhile is told when it goes on.'}</p>
    </ActionDialog>
  );
}

function Edit({ hook, onDone }: { hook: Hook; onDone: () => void }) {
  const [, update] = useMutation(UPDATE);
  const [name, setName] = useState(hook.name ?? '');
  const [address, setAddress] = useState(hook.address ?? '');
  const [model, setModel] = useState(hook.model ?? '');
  const [events, setEvents] = useState<EventName[]>((hook.events ?? []).filter(isEvent));
  return (
    <ActionDialog
      button="Change…"
      title="Change it"
      confirm="Change"
      ready={name.trim() !== '' && address.trim() !== '' && events.length > 0}
      onSubmit={async () => {
        const { error } = await update({ input: { id: hook.id, name: name.trim(), address: address.trim(), events, model: model.trim(), ifRevision: hook.revision } });
        if (!error) onDone();
        return error;
      }}
    >
      <TextField label="Name" value={name} onChange={setName} required />
      <TextField label="Address" value={address} onChange={setAddress} required />
      <EventFields legend="What to tell" chosen={events} onChange={setEvents} />
      <TextField label="Model" value={model} onChange={setModel} hint="Its name; without one, all models." />
    </ActionDialog>
  );
}

/** For how long the old secret may sign too, in seconds. */
const OVERLAPS: [number, string][] = [
  [0, 'not at all'],
  [3600, 'an hour'],
  [86_400, 'a day'],
  [604_800, 'a week'],
];

function Rotate({ id, onDone }: { id: string; onDone: (secret: string | null) => void }) {
  const [, rotate] = useMutation(ROTATE);
  const [overlap, setOverlap] = useState(86_400);
  return (
    <ActionDialog
      button="New secret…"
      title="Make the secret anew"
      confirm="Make it anew"
      onSubmit={async () => {
        const { data, error } = await rotate({ input: { id, overlap } });
        if (!error) onDone(data?.rotateWebhookSecret?.secret ?? null);
        return error;
      }}
    >
      <div className="field">
        <label htmlFor="overlap">The old one signs too for</label>
        <select id="overlap" value={overlap} onChange={(event) => setOverlap(Number(event.target.value))}>
          {OVERLAPS.map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </select>
      </div>
    </ActionDialog>
  );
}

function Replay({ id, onDone }: { id: string; onDone: () => void }) {
  const [, replay] = useMutation(REPLAY);
  const [after, setAfter] = useState('');
  return (
    <ActionDialog
      button="Tell again…"
      title="Tell events again"
      confirm="Tell again"
      ready={/^\d+$/.test(after.trim())}
      onSubmit={async () => {
        const { error } = await replay({ input: { id, after: after.trim() } });
        if (!error) onDone();
        return error;
      }}
    >
      <TextField label="Everything after entry" value={after} onChange={setAfter} required hint="The number of an entry of the log; 0 is everything. Events keep the ids that they had." />
    </ActionDialog>
  );
}

function Delete({ id, name }: { id: string; name: string }) {
  const [, go] = useLocation();
  const [, remove] = useMutation(DELETE);
  return (
    <ActionDialog
      button="Delete…"
      title={`Delete ${name}`}
      confirm="Delete"
      onSubmit={async () => {
        const { error } = await remove({ input: { id } }, { additionalTypenames: ['Webhook'] });
        if (!error) go('/notifications');
        return error;
      }}
    >
      <p>Its receiver is told nothing any more, and what was given up is dropped. It cannot be taken back.</p>
    </ActionDialog>
  );
}
