// What the forms of webhooks and of settings share: events, formats, and how a webhook is doing.
import { title } from '../../components/format';

/** The kinds of events, and what each tells. */
export const EVENTS = [
  ['TRANSITIONS', 'when a version changes its stage'],
  ['APPROVALS', 'asked for and decided'],
  ['DEPRECATIONS', 'from their announcement on'],
  ['RECALLS', 'of anything, whatever the model'],
  ['LOG_ENTRIES', 'all of them'],
  ['CATALOG', 'models and versions that are registered, aliases and tags that change'],
] as const;

/** A kind of events. */
export type EventName = (typeof EVENTS)[number][0];

/** The forms in which something is told. */
export const FORMATS = [
  ['STANDARD', 'JSON, signed (Standard Webhooks)'],
  ['SLACK', 'Slack'],
  ['TEAMS', 'Microsoft Teams'],
  ['EMAIL', 'Mail'],
  ['MLFLOW', 'as MLflow tells it'],
] as const;

/** A form in which something is told. */
export type FormatName = (typeof FORMATS)[number][0];

/** Whether a text is one of the events. */
export const isEvent = (name: string): name is EventName => EVENTS.some(([known]) => known === name);

interface Props {
  legend: string;
  chosen: readonly EventName[];
  onChange: (chosen: EventName[]) => void;
}

/** The events to tell. */
export function EventFields({ legend, chosen, onChange }: Props) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {EVENTS.map(([name, text]) => (
        <label key={name} className="check">
          <input type="checkbox" checked={chosen.includes(name)} onChange={(event) => onChange(event.target.checked ? [...chosen, name] : chosen.filter((one) => one !== name))} />{' '}
          <span>
            {title(name)} <span className="muted">{text}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

interface FormatProps {
  id: string;
  value: FormatName;
  /** Whether other ways than mail are offered. Webhooks of MLflow's form are made by its client alone. */
  all: boolean;
  onChange: (value: FormatName) => void;
}

/** The form in which it is told. */
export function FormatField({ id, value, all, onChange }: FormatProps) {
  return (
    <div className="field">
      <label htmlFor={id}>How</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value as FormatName)}>
        {FORMATS.filter(([name]) => name === value || name === 'EMAIL' || (all && name !== 'MLFLOW')).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

const STATES: Record<string, string> = { ACTIVE: 'good', PAUSED: '', FAILING: 'bad' };

/** How a webhook is doing. */
export function HookState({ state }: { state: string | null }) {
  return <span className={`badge ${STATES[state ?? ''] ?? ''}`}>{title(state)}</span>;
}
