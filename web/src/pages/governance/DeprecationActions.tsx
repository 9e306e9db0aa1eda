// What one may do about the way of a version out of use: plan, announce, say who has moved, retire, clean up, give up.
import { useState } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import { graphql } from '../../api/graphql';
import { useMay } from '../../api/viewer';
import { ActionDialog, TextField } from '../../components/ActionDialog';
import { save } from '../../components/save';

const PLAN = graphql(`mutation PlanDeprecation($input: PlanDeprecationInput!) { planDeprecation(input: $input) { deprecations { id revision step } } }`);
const ANNOUNCE = graphql(`mutation AnnounceDeprecation($input: AnnounceDeprecationInput!) { announceDeprecation(input: $input) { deprecations { id revision step sunset guide announcedBy announcedAt } } }`);
const RETIRE = graphql(`mutation RetireModelVersion($input: RetireModelVersionInput!) { retireModelVersion(input: $input) { deprecation { id revision step closedBy closedAt } version { id stage } } }`);
const WITHDRAW = graphql(`mutation WithdrawDeprecation($input: WithdrawDeprecationInput!) { withdrawDeprecation(input: $input) { deprecation { id revision step closedBy closedAt } } }`);

const MIGRATED = graphql(`mutation ConfirmMigration($input: ConfirmMigrationInput!) { confirmMigration(input: $input) { consumer { id subject migrated } } }`);
const CLEAN_UP = graphql(`mutation CleanupModelVersion($input: CleanupModelVersionInput!) { cleanupModelVersion(input: $input) { deprecation { id revision step cleanedBy cleanedAt logDigest } log } }`);

/** Lists of deprecations that were empty have none of the types of an answer. */
const BOARD = { additionalTypenames: ['Deprecation', 'DeprecationConnection', 'Consumer'] };

/** Plans the deprecation of versions of a model. */
export function PlanButton() {
  const may = useMay();
  const [, plan] = useMutation(PLAN);
  const [model, setModel] = useState('');
  const [versions, setVersions] = useState('');
  const [replacement, setReplacement] = useState('');
  const [text, setText] = useState('');
  if (!may('deprecation.plan')) return null;
  const names = versions.split(/[\s,]+/).filter(Boolean);
  return (
    <ActionDialog
      button="Plan a deprecation…"
      title="Plan a deprecation"
      confirm="Plan it"
      ready={model.trim() !== '' && names.length > 0}
      onSubmit={async () => (await plan({ input: { model: model.trim(), versions: names, replacement: replacement.trim() || null, plan: text || null } }, BOARD)).error}
    >
      <p>Nobody is told of a plan yet.</p>
      <TextField label="Model" value={model} onChange={setModel} required />
      <TextField label="Versions" value={versions} onChange={setVersions} required hint="Such as 1.0.0, one or more." />
      <TextField label="Replacement" value={replacement} onChange={setReplacement} hint="The version to go to." />
      <TextField label="Plan" value={text} onChange={setText} rows={3} />
    </ActionDialog>
  );
}

interface Props {
  model: string;
  version: string;
  step: string | null;
  sunset: string | null;
  /** Until when the records of the retired version are kept. */
  keepUntil: string | null;
}

/** The steps that may follow. */
export function DeprecationButtons({ model, version, step, sunset, keepUntil }: Props) {
  const may = useMay();
  const planned = step === 'PLANNED';
  const announced = step === 'ANNOUNCED';
  if (step === 'RETIRED') return may('version.delete') && keepUntil !== null && Date.parse(keepUntil) <= Date.now() ? <CleanUp model={model} version={version} /> : null;
  if (!planned && !announced) return null;
  return (
    <div className="actions">
      {planned && may('deprecation.announce') && <Announce model={model} version={version} />}
      {announced && <MovedButton model={model} version={version} />}
      {announced && may('transition') && <Retire model={model} version={version} early={sunset === null || Date.parse(sunset) > Date.now()} />}
      {may('deprecation.plan') && <GiveUp model={model} version={version} />}
    </div>
  );
}

/** The first day on which a sunset may lie: three calendar months ahead, and a day. */
function earliest(): string {
  const day = new Date();
  day.setUTCMonth(day.getUTCMonth() + 3);
  day.setUTCDate(day.getUTCDate() + 1);
  return day.toISOString().slice(0, 10);
}

function Announce({ model, version }: { model: string; version: string }) {
  const [, announce] = useMutation(ANNOUNCE);
  const [guide, setGuide] = useState('');
  const [sunset, setSunset] = useState(earliest);
  return (
    <ActionDialog
      button="Announce…"
      title={`Announce the deprecation of ${model} ${version}`}
      confirm="Announce"
      primary
      ready={guide.trim() !== '' && sunset !== ''}
      onSubmit={async () => (await announce({ input: { model, versions: [version], guide, sunset: `${sunset}T00:00:00Z` } }, BOARD)).error}
    >
      <TextField label="How to migrate" value={guide} onChange={setGuide} rows={4} required hint="A text or a link. Whoever uses the version is told." />
      <div className="field">
        <label htmlFor="sunset">Sunset</label>
        <input id="sunset" type="date" value={sunset} min={earliest()} required onChange={(event) => setSunset(event.target.value)} />
        <span className="muted small">Until then the version is supported.</span>
      </div>
    </ActionDialog>
  );
}

function Retire({ model, version, early }: { model: string; version: string; early: boolean }) {
  const may = useMay();
  const [, retire] = useMutation(RETIRE);
  const [reason, setReason] = useState('');
  const [force, setForce] = useState(false);
  const [days, setDays] = useState('365');
  return (
    <ActionDialog
      button="Retire…"
      title={`Retire ${model} ${version}`}
      confirm="Retire"
      ready={(!force || reason.trim() !== '') && /^\d{1,4}$/.test(days.trim())}
      onSubmit={async () => (await retire({ input: { model, version, reason: reason || null, force, retentionDays: Number(days) } }, BOARD)).error}
    >
      <p>It moves to archived. Its records are kept for a time, and removed by a clean-up.</p>
      {early && may('transition.force') && (
        <label>
          <input type="checkbox" checked={force} onChange={(event) => setForce(event.target.checked)} /> Before its sunset
        </label>
      )}
      <TextField label="Reason" value={reason} onChange={setReason} rows={3} hint="Needed before the sunset. It stays in the log." />
      <TextField label="Days to keep its records" value={days} onChange={setDays} required />
    </ActionDialog>
  );
}

/** Says that the reader uses another version now, or, for those who may plan deprecations, that somebody else does. */
export function MovedButton({ model, version }: { model: string; version: string }) {
  const may = useMay();
  const [, confirm] = useMutation(MIGRATED);
  const [consumer, setConsumer] = useState('');
  const [comment, setComment] = useState('');
  if (!may('migration.confirm')) return null;
  return (
    <ActionDialog
      button="Moved…"
      title={`Moved away from ${model} ${version}`}
      confirm="Say so"
      onSubmit={async () => (await confirm({ input: { model, version, consumer: consumer.trim() || null, comment: comment || null } }, BOARD)).error}
    >
      <p>Who uses it again after that counts as not moved.</p>
      {may('deprecation.plan') && <TextField label="Who" value={consumer} onChange={setConsumer} hint="Without a name: you." />}
      <TextField label="Comment" value={comment} onChange={setComment} rows={2} hint="Such as what is used instead." />
    </ActionDialog>
  );
}

function CleanUp({ model, version }: { model: string; version: string }) {
  const [, cleanUp] = useMutation(CLEAN_UP);
  return (
    <ActionDialog
      button="Clean up…"
      title={`Clean up after ${model} ${version}`}
      confirm="Clean up"
      onSubmit={async (): Promise<CombinedError | undefined> => {
        const { data, error } = await cleanUp({ input: { model, version } }, BOARD);
        const log = data?.cleanupModelVersion?.log;
        if (log != null) save(`${model}-${version}-log.jsonl`, log, 'application/x-ndjson');
        return error;
      }}
    >
      <p>The records of its artifacts go. Its log entries stay in the log, and are saved as a file if you see all of them.</p>
    </ActionDialog>
  );
}

function GiveUp({ model, version }: { model: string; version: string }) {
  const [, withdraw] = useMutation(WITHDRAW);
  const [reason, setReason] = useState('');
  return (
    <ActionDialog button="Give it up…" title={`Give up the deprecation of ${model} ${version}`} confirm="Give it up" onSubmit={async () => (await withdraw({ input: { model, version, reason: reason || null } }, BOARD)).error}>
      <TextField label="Reason" value={reason} onChange={setReason} rows={3} hint="It stays in the log." />
    </ActionDialog>
  );
}
