// What the reader is told, where, and when. Everybody has settings of their own.
import { useEffect, useState, type FormEvent } from 'react';
import { useMutation, useQuery } from 'urql';
import { graphql, type ResultOf } from '../../api/graphql';
import { useMay } from '../../api/viewer';
import { TextField, refusal } from '../../components/ActionDialog';
import { Answer, Panel } from '../../components/Page';
import { EventFields, FormatField, isEvent, type EventName } from './fields';

const SETTINGS = graphql(`query MyNotifications { viewer { subject notificationSettings { events format address timing } } }`);
const UPDATE = graphql(`
  mutation UpdateNotifications($input: UpdateNotificationSettingsInput!) {
    updateNotificationSettings(input: $input) { notificationSettings { events format address timing } }
  }
`);

type Stored = NonNullable<NonNullable<ResultOf<typeof SETTINGS>['viewer']>['notificationSettings']>;

export function Settings() {
  const [{ data, fetching, error }] = useQuery({ query: SETTINGS });
  return (
    <Panel title="What you are told">
      <Answer data={data?.viewer?.notificationSettings} fetching={fetching} error={error}>
        {(stored) => <Form stored={stored} />}
      </Answer>
    </Panel>
  );
}

function Form({ stored }: { stored: Stored }) {
  const may = useMay();
  const [, update] = useMutation(UPDATE);
  const [events, setEvents] = useState<EventName[]>([]);
  const [format, setFormat] = useState(stored.format);
  const [address, setAddress] = useState('');
  const [timing, setTiming] = useState(stored.timing);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  // What is stored fills the form; what was typed is kept until it is saved.
  const key = JSON.stringify(stored);
  useEffect(() => {
    setEvents(stored.events.filter(isEvent));
    setFormat(stored.format);
    setAddress(stored.address ?? '');
    setTiming(stored.timing);
  }, [key]);
  async function save(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setSaid('');
    setProblem('');
    const { error } = await update({ input: { events, format, address: address.trim(), timing } });
    setBusy(false);
    if (error) setProblem(refusal(error));
    else setSaid(events.length === 0 ? 'Saved. You are told nothing.' : 'Saved. It holds for what happens from now on.');
  }
  return (
    <form className="stack" onSubmit={(event) => void save(event)}>
      <EventFields legend="Tell me of" chosen={events} onChange={setEvents} />
      <FormatField id="settings-format" value={format} all={may('webhook.manage.own')} onChange={setFormat} />
      <TextField label={format === 'EMAIL' ? 'Mail address' : 'Address'} value={address} onChange={setAddress} required={events.length > 0} />
      <div className="field">
        <label htmlFor="settings-timing">When</label>
        <select id="settings-timing" value={timing ?? 'AT_ONCE'} onChange={(event) => setTiming(event.target.value as 'DAILY')}>
          <option value="AT_ONCE">when it happens</option>
          <option value="DAILY">once a day, together</option>
        </select>
      </div>
      <p className="error" role="alert">
        {problem}
      </p>
      <p className="muted" role="status">
        {said}
      </p>
      <div className="actions">
        <button type="submit" className="primary" disabled={busy || (events.length > 0 && address.trim() === '')}>
          Save
        </button>
      </div>
    </form>
  );
}
