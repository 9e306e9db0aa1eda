// Small signs that many pages use: times, stages, kinds, tags. Each has a text beside its colour and shape.
import { label, title } from './format';

/** A time in the reader's zone, with UTC on hover. */
export function Time({ at, date = false }: { at: string | null | undefined; date?: boolean }) {
  if (at == null) return <span className="muted">not known</span>;
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return <>{at}</>;
  const text = date ? when.toLocaleDateString(undefined, { dateStyle: 'medium' }) : when.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <time dateTime={at} title={`${when.toISOString().replace('T', ' ').replace(/(\.000)?Z$/, '')} UTC`}>
      {text}
    </time>
  );
}

/** The stages in the order of a version's life, and what each means. */
export const STAGES = [
  ['DEVELOPMENT', 'Being made'],
  ['STAGING', 'Being tried'],
  ['CANARY', 'A part of the traffic'],
  ['PRODUCTION', 'At work'],
  ['DEPRECATED', 'Replaced'],
  ['ARCHIVED', 'Put away'],
] as const;

const stageShapes: Record<string, string> = {
  DEVELOPMENT: 'M6 1.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zm0 1.6a2.9 2.9 0 1 1 0 5.8 2.9 2.9 0 0 1 0-5.8z',
  STAGING: 'M6 1.5 10.5 10h-9z',
  CANARY: 'M6 1 11 6 6 11 1 6z',
  PRODUCTION: 'M6 1a5 5 0 1 0 0 10A5 5 0 0 0 6 1z',
  DEPRECATED: 'M1.5 4.8h9v2.4h-9z',
  ARCHIVED: 'M1.5 1.5h9v9h-9zm1.6 1.6v5.8h5.8V3.1z',
};

/** A stage, by shape and word. */
export function Stage({ stage }: { stage: string | null | undefined }) {
  if (stage == null) return <span className="muted">hidden</span>;
  return (
    <span className="stage" data-stage={stage}>
      <svg viewBox="0 0 12 12" width="11" height="11" fill="currentColor" fillRule="evenodd" aria-hidden="true">
        <path d={stageShapes[stage] ?? ''} />
      </svg>
      {title(stage)}
    </span>
  );
}

const kindShapes: Record<string, string> = {
  DATASET_VERSION: 'M8 1.5c3.6 0 6 1.1 6 2.5v8c0 1.4-2.4 2.5-6 2.5S2 13.4 2 12V4c0-1.4 2.4-2.5 6-2.5zM3.5 6v2c0 .6 1.9 1.3 4.5 1.3s4.5-.7 4.5-1.3V6C11.400 6.600 9.800 6.900 8 6.900S4.600 6.600 3.500 6z',
  RUN: 'M3 1.800 14 8 3 14.200z',
  COMMIT: 'M8 4a4 4 0 0 1 3.900 3.200H16v1.600h-4.100a4 4 0 0 1-7.800 0H0V7.200h4.100A4 4 0 0 1 8 4z',
  TAG: 'M1.500 1.500h6.300l6.700 6.700-6.300 6.300-6.700-6.700zM5 3.700a1.300 1.300 0 1 0 0 2.600 1.300 1.300 0 0 0 0-2.600z',
  FEATURE: 'M8 1l2 5h5l-4 3.200 1.500 5L8 11.200l-4.500 3 1.500-5L1 6h5z',
  MODEL_VERSION: 'M8 .800 14.500 4.400v7.200L8 15.200l-6.500-3.600V4.400zM3.200 5.700v4.900L7.200 12.800V7.900z',
  DEPLOYMENT: 'M2 2h12v5H2zM2 9h12v5H2zM4 3.800v1.400h2V3.800zM4 10.800v1.400h2v-1.400z',
};
kindShapes['MODEL'] = kindShapes['MODEL_CARD'] = kindShapes['MODEL_VERSION']!;
kindShapes['DATASET'] = kindShapes['DATASET_VERSION']!;
kindShapes['REPOSITORY'] = kindShapes['COMMIT']!;

/** The shape of a kind of node. */
export function KindIcon({ kind, size = 14 }: { kind: string; size?: number }) {
  return (
    <svg viewBox="0 0 16 16" width={size} height={size} fill="currentColor" fillRule="evenodd" aria-hidden="true">
      <path d={kindShapes[kind] ?? 'M2 2h12v12H2z'} />
    </svg>
  );
}

/** A kind of node, by shape and word. */
export function Kind({ kind }: { kind: string | null | undefined }) {
  return (
    <span className="kind" data-kind={kind ?? undefined}>
      {kind != null && <KindIcon kind={kind} />}
      {label(kind, 'node')}
    </span>
  );
}

/** Keys and values that people set. */
export function Tags({ tags, onTag }: { tags: readonly { key: string; value: string }[] | null | undefined; onTag?: (tag: string) => void }) {
  if (!tags || tags.length === 0) return null;
  return (
    <ul className="badges" aria-label="Tags">
      {tags.map(({ key, value }) => (
        <li key={key} className="badge tag">
          {onTag ? (
            <button type="button" className="link" title="Only models with this tag" onClick={() => onTag(`${key}=${value}`)}>
              {key}={value}
            </button>
          ) : (
            `${key}=${value}`
          )}
        </li>
      ))}
    </ul>
  );
}
