// What the picture of a lineage shows: direction, hops, kinds, time. Everything goes into the address.
import { useEffect, useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { graphql } from '../api/graphql';
import { Kind, Time } from '../components/Marks';

/** The state of the page, as its address has it. */
export interface Settings {
  /** How the answer is shown; null is the graph, or the table of a large answer. */
  view: 'graph' | 'tree' | 'table' | null;
  direction: 'UPSTREAM' | 'DOWNSTREAM' | 'BOTH';
  hops: number;
  depth: number;
  kinds: NodeKind[];
  /** The ids that were opened beyond the hops. */
  open: string[];
  select: string | null;
  path: string | null;
  find: string;
  asOf: string | null;
  knownAt: string | null;
}

type NodeKind = 'DATASET_VERSION' | 'RUN' | 'FEATURE' | 'COMMIT' | 'TAG' | 'MODEL_VERSION' | 'DEPLOYMENT';

const ALL_KINDS: NodeKind[] = ['DATASET_VERSION', 'RUN', 'FEATURE', 'COMMIT', 'TAG', 'MODEL_VERSION', 'DEPLOYMENT'];

interface Props {
  settings: Settings;
  root: string;
  onSet: (change: Record<string, string | null>, how?: 'push' | 'replace') => void;
}

/** The controls above the picture. */
export function Controls({ settings, root, onSet }: Props) {
  const [find, setFind] = useState(settings.find);
  useEffect(() => setFind(settings.find), [settings.find]);
  const [timesOpen, setTimesOpen] = useState(settings.asOf !== null || settings.knownAt !== null);
  return (
    <div className="panel no-print">
      <div className="toolbar">
        <fieldset className="actions">
          <legend className="visually-hidden">Show as</legend>
          {(['graph', 'tree', 'table'] as const).map((view) => (
            <button key={view} type="button" aria-pressed={(settings.view ?? 'graph') === view} onClick={() => onSet({ view })}>
              {view === 'graph' ? 'Graph' : view === 'tree' ? 'Tree' : 'Table'}
            </button>
          ))}
        </fieldset>
        <div className="field">
          <label htmlFor="direction">Direction</label>
          <select id="direction" value={settings.direction} onChange={(event) => onSet({ direction: event.target.value, open: null, select: null, path: null })}>
            <option value="UPSTREAM">what it came from</option>
            <option value="DOWNSTREAM">what came of it</option>
            <option value="BOTH">both</option>
          </select>
        </div>
        <div className="field">
          <label htmlFor="hops">Steps in the graph</label>
          <select id="hops" value={settings.hops} onChange={(event) => onSet({ hops: event.target.value, open: null })}>
            {[1, 2, 3, 5, 8, 20].map((hops) => (
              <option key={hops}>{hops}</option>
            ))}
            {![1, 2, 3, 5, 8, 20].includes(settings.hops) && <option>{settings.hops}</option>}
          </select>
        </div>
        <form
          className="field wide"
          role="search"
          onSubmit={(event) => {
            event.preventDefault();
            onSet({ find });
          }}
        >
          <label htmlFor="find">Find in this lineage</label>
          <input id="find" type="search" value={find} autoComplete="off" onChange={(event) => setFind(event.target.value)} onBlur={() => find !== settings.find && onSet({ find })} />
        </form>
        <button type="button" aria-expanded={timesOpen} onClick={() => setTimesOpen(!timesOpen)}>
          Time
        </button>
      </div>
      <fieldset>
        <legend className="visually-hidden">Kinds to show</legend>
        <div className="badges">
          {ALL_KINDS.map((kind) => (
            <label key={kind} className="badge">
              <input
                type="checkbox"
                checked={settings.kinds.length === 0 || settings.kinds.includes(kind)}
                onChange={(event) => {
                  const before = settings.kinds.length === 0 ? ALL_KINDS : settings.kinds;
                  const after = event.target.checked ? [...before, kind] : before.filter((other) => other !== kind);
                  onSet({ kinds: after.length === ALL_KINDS.length ? null : after.join(' ') });
                }}
              />
              <Kind kind={kind} />
            </label>
          ))}
        </div>
      </fieldset>
      {timesOpen && <Times settings={settings} root={root} onSet={onSet} />}
    </div>
  );
}

const EVENTS = graphql(`
  query LineageEvents($of: ID!, $direction: LineageDirection!) {
    lineage(of: $of, direction: $direction, maxDepth: 20) { edges { validFrom validTo } }
  }
`);

/** A slider over the times at which something in this lineage changed. */
function Times({ settings, root, onSet }: Props) {
  const [{ data }] = useQuery({ query: EVENTS, variables: { of: root, direction: settings.direction } });
  const events = useMemo(() => {
    const times = (data?.lineage?.edges ?? []).flatMap(({ validFrom, validTo }) => [validFrom, validTo]).filter((at) => at !== null);
    return [...new Set(times)].sort((a, b) => Date.parse(a) - Date.parse(b));
  }, [data]);
  const [at, setAt] = useState<number | null>(null);
  const position = at ?? (settings.asOf === null ? events.length : Math.max(0, events.findIndex((event) => Date.parse(event) >= Date.parse(settings.asOf!))));
  const commit = () => {
    if (at === null) return;
    onSet({ asOf: events[at] ?? null });
    setAt(null);
  };
  const shown = at === null ? settings.asOf : (events[at] ?? null);
  return (
    <div className="toolbar">
      <div className="field wide">
        <label htmlFor="as-of">As it was at</label>
        <input
          id="as-of"
          type="range"
          min={0}
          max={events.length}
          value={position}
          disabled={events.length === 0}
          aria-valuetext={shown === null ? 'now' : new Date(shown).toLocaleString()}
          onChange={(event) => setAt(Number(event.target.value))}
          onPointerUp={commit}
          onKeyUp={commit}
          onBlur={commit}
        />
        <span className="small">{shown === null ? 'now' : <Time at={shown} />}</span>
      </div>
      <div className="field">
        <label htmlFor="known-at">As it was known at</label>
        <input
          id="known-at"
          type="datetime-local"
          value={settings.knownAt === null ? '' : localTime(settings.knownAt)}
          onChange={(event) => onSet({ knownAt: event.target.value === '' ? null : new Date(event.target.value).toISOString() }, 'replace')}
        />
      </div>
      {(settings.asOf !== null || settings.knownAt !== null) && (
        <button type="button" onClick={() => onSet({ asOf: null, knownAt: null })}>
          Now
        </button>
      )}
    </div>
  );
}

/** A time as the field for times has it: in the reader's zone, without the zone. */
function localTime(at: string): string {
  const when = new Date(at);
  return Number.isNaN(when.getTime()) ? '' : new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
