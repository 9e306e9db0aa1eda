// /notifications: what the reader is told, and the webhooks that tell other systems.
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { Link } from 'wouter';
import { print } from 'graphql/language/printer';
import { graphql } from '../api/graphql';
import { useMay, useViewer } from '../api/viewer';
import { ActionDialog, TextField } from '../components/ActionDialog';
import { graphiqlHref, webhookHref } from '../components/links';
import { Answer, Page, Panel, Skeleton } from '../components/Page';
import { ShownOnce } from '../components/ShownOnce';
import { label, title } from '../components/format';
import { EventFields, FORMATS, FormatField, HookState, type EventName, type FormatName } from './notifications/fields';
import { Settings } from './notifications/Settings';

const WEBHOOKS = graphql(`query Webhooks { webhooks { id number name subject format events model state attempts deadLetters { seq } } }`);
const CREATE = graphql(`mutation CreateWebhook($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { id } secret } }`);

export default function Notifications() {
  const viewer = useViewer();
  const may = useMay();
  if (viewer === null) return <Skeleton />;
  return (
    <Page
      title="Notifications"
      lead="What you are told, and what tells other systems, as far as you may see it."
      actions={
        <>
          <Link className="button" href="/help/notifications">
            Help
          </Link>
          <a className="button" href={graphiqlHref(print(WEBHOOKS), {})}>
            Open this query in GraphiQL
          </a>
        </>
      }
    >
      <div className={may('webhook.manage.own') ? 'sided' : 'stack'}>
        {may('webhook.manage.own') && <Webhooks />}
        <Settings />
      </div>
    </Page>
  );
}

function Webhooks() {
  const viewer = useViewer()!;
  const everyone = useMay()('webhook.manage.any');
  const [{ data, fetching, error }, ask] = useQuery({ query: WEBHOOKS });
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <Panel
      title="Webhooks"
      more={
        <NewWebhook
          onMade={(made) => {
            setSecret(made);
            ask({ requestPolicy: 'network-only' });
          }}
        />
      }
    >
      {secret !== null && <ShownOnce what="The secret of the new webhook" secret={secret} onDone={() => setSecret(null)} />}
      <Answer data={data?.webhooks} fetching={fetching} error={error}>
        {(found) =>
          found.length === 0 ? (
            <p className="muted">None yet. A webhook tells a receiver what happens: a program, Slack, Teams, or a mailbox.</p>
          ) : (
            <ul className="rows">
              {found.map((hook) => (
                <li key={hook.id}>
                  <HookState state={hook.state} /> <Link href={webhookHref(hook.id)}>{hook.name ?? `Webhook ${hook.number}`}</Link>{' '}
                  {(hook.deadLetters?.length ?? 0) > 0 && <span className="badge warn">{hook.deadLetters!.length} given up</span>}
                  <div className="muted small">
                    {FORMATS.find(([name]) => name === hook.format)?.[1] ?? label(hook.format)}; {(hook.events ?? []).map((event) => title(event)).join(', ')} of {hook.model === null ? 'all models' : hook.model}
                    {everyone && hook.subject !== viewer.subject && <>; of {hook.subject}</>}
                    {(hook.attempts ?? 0) > 0 && <>; tried {hook.attempts} times in vain</>}
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </Panel>
  );
}

function NewWebhook({ onMade }: { onMade: (secret: string | null) => void }) {
  const may = useMay();
  const [, create] = useMutation(CREATE);
  const [name, setName] = useState('');
  const [format, setFormat] = useState<FormatName>('STANDARD');
  const [address, setAddress] = useState('');
  const [events, setEvents] = useState<EventName[]>(['TRANSITIONS']);
  const [model, setModel] = useState('');
  const [subject, setSubject] = useState('');
  return (
    <ActionDialog
      button="New webhook…"
      title="New webhook"
      confirm="Make"
      primary
      ready={name.trim() !== '' && address.trim() !== '' && events.length > 0}
      onSubmit={async () => {
        const { data, error } = await create({
          input: { name: name.trim(), format, address: address.trim(), events, ...(model.trim() && { model: model.trim() }), ...(subject.trim() && { subject: subject.trim() }) },
        });
        // Only a receiver of signed JSON has a use for the secret.
        if (!error) onMade(format === 'STANDARD' ? (data?.createWebhook?.secret ?? null) : null);
        return error;
      }}
    >
      <TextField label="Name" value={name} onChange={setName} required hint="What it is for, such as the build of the scoring service." />
      <FormatField id="webhook-format" value={format} all onChange={setFormat} />
      <TextField label="Address" value={address} onChange={setAddress} required hint={format === 'EMAIL' ? 'A mail address.' : 'An https address that this server may speak to.'} />
      <EventFields legend="What to tell" chosen={events} onChange={setEvents} />
      <TextField label="Model" value={model} onChange={setModel} hint="Its name; without one, all models." />
      {may('webhook.manage.any') && may('access.manage') && <TextField label="On behalf of" value={subject} onChange={setSubject} hint="Whose sight decides; without a subject, yours." />}
    </ActionDialog>
  );
}
