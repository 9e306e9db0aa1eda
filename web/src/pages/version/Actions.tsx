// What the reader may do with a version: move it, decide a request, set an alias, edit the card. What one may not do is not
// shown; what the server refuses is shown in its words.
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { codeOf } from '../../api/errortext';
import { graphql, nodesOf } from '../../api/graphql';
import { useMay } from '../../api/viewer';
import { ActionDialog, TextField } from '../../components/ActionDialog';
import { DecideButtons } from '../../components/Decide';
import { STAGES, Time } from '../../components/Marks';
import { label, title } from '../../components/format';
import type { VersionData } from '../Version';
import { GATE, GateList, Gates } from './Gates';

const CHECKS = graphql(
  `
  query VersionMoves($id: ID!) {
    DEVELOPMENT: checkTransition(id: $id, to: DEVELOPMENT) { ...Check }
    STAGING: checkTransition(id: $id, to: STAGING) { ...Check }
    CANARY: checkTransition(id: $id, to: CANARY) { ...Check }
    PRODUCTION: checkTransition(id: $id, to: PRODUCTION) { ...Check }
    DEPRECATED: checkTransition(id: $id, to: DEPRECATED) { ...Check }
    ARCHIVED: checkTransition(id: $id, to: ARCHIVED) { ...Check }
  }
  fragment Check on TransitionCheck @_unmask { allowed makesRequest needed counted blockers { kind text } incumbent { id version } gates { ...GateSays } }
`,
  [GATE],
);

const MOVE = graphql(`
  mutation Move($input: TransitionModelVersionInput!) {
    transitionModelVersion(input: $input) { version { id revision stage } transition { id } request { id status } }
  }
`);

const SET_ALIAS = graphql(`mutation SetAlias($input: SetAliasInput!) { setAlias(input: $input) { alias { id name version } } }`);

const EDIT_CARD = graphql(`
  mutation EditCard($input: UpdateModelCardInput!) {
    updateModelCard(input: $input) { card { id revision description limitations dataPreprocessing completeness { complete missing filled total } } }
  }
`);

const REQUESTS = graphql(`
  query VersionRequests($id: ID!) {
    node(id: $id) {
      ... on ModelVersion {
        id
        transitionRequests(first: 20) {
          edges { node { id revision from to status requestedBy requestedAt reason needed approvers expiresAt comment voidBecause approvals { by at comment } } }
        }
      }
    }
  }
`);

type StageName = (typeof STAGES)[number][0];

interface ActionsProps {
  model: string;
  version: VersionData;
  /** Loads the version again, which someone else has changed. */
  onStale: () => void;
}

/** The buttons of a version. */
export function Actions({ model, version, onStale }: ActionsProps) {
  const may = useMay();
  if (version.deleted) return null;
  return (
    <>
      {(may('transition') || may('transition.request')) && <MoveButton version={version} />}
      {may('alias.set') && version.version && <AliasButton model={model} version={version.version} />}
      {may('card.update') && version.card && <CardButton version={version} card={version.card} onStale={onStale} />}
    </>
  );
}

/** What the gates say of the stages that come next, for those who may move it or ask for that. */
export function VersionGates({ version }: { version: VersionData }) {
  const may = useMay();
  const offers = !version.deleted && (may('transition') || may('transition.request'));
  const [{ data }] = useQuery({ query: CHECKS, variables: { id: version.id }, pause: !offers });
  const stages = STAGES.map(([stage]) => stage).flatMap((stage) => {
    const one = data?.[stage];
    return one && stage !== version.stage && !one.blockers.some(({ kind }) => kind === 'LIFECYCLE') ? [{ stage, gates: one.gates }] : [];
  });
  return <Gates stages={stages} />;
}

function MoveButton({ version }: { version: VersionData }) {
  const [{ data }, check] = useQuery({ query: CHECKS, variables: { id: version.id } });
  const [, move] = useMutation(MOVE);
  const [to, setTo] = useState<StageName | ''>('');
  const [reason, setReason] = useState('');
  // The stages that this caller may move it into, or ask for, and those that wait for something else.
  const offered = STAGES.map(([stage]) => stage).filter((stage) => {
    const one = data?.[stage];
    return one && stage !== version.stage && !one.blockers.some(({ kind }) => kind === 'PERMISSION' || kind === 'LIFECYCLE');
  });
  if (offered.length === 0) return null;
  const chosen = to === '' ? null : data?.[to];
  return (
    <ActionDialog
      button="Move to a stage…"
      title={`Move version ${version.version}`}
      confirm={chosen?.makesRequest ? 'Ask for approval' : 'Move'}
      ready={to !== ''}
      primary
      onSubmit={async () => {
        const { error } = await move({ input: { id: version.id, to: to as StageName, reason: reason || null, ifRevision: version.revision } });
        if (!error) check({ requestPolicy: 'network-only' });
        return error;
      }}
    >
      <div className="field">
        <label htmlFor="move-to">To</label>
        <select id="move-to" value={to} required onChange={(event) => setTo(event.target.value as StageName)}>
          <option value="">Choose…</option>
          {offered.map((stage) => (
            <option key={stage} value={stage}>
              {title(stage)}
            </option>
          ))}
        </select>
      </div>
      {chosen && (
        <div className="stack" aria-live="polite">
          {chosen.makesRequest && (
            <p className="notice">
              {title(to)} needs {chosen.needed} approval{chosen.needed === 1 ? '' : 's'}: this makes a request, and moves nothing yet.
            </p>
          )}
          {chosen.incumbent?.version && <p>Version {chosen.incumbent.version} stands there now, and becomes deprecated.</p>}
          {chosen.gates.length > 0 && <GateList gates={chosen.gates} />}
          {chosen.blockers.filter(({ kind }) => kind !== 'GATE' || chosen.gates.length === 0).map((blocker) => (
            <p key={blocker.text} className="muted">
              {blocker.text}
            </p>
          ))}
        </div>
      )}
      <TextField label="Reason" value={reason} onChange={setReason} rows={3} hint="It stays in the log." />
    </ActionDialog>
  );
}

function AliasButton({ model, version }: { model: string; version: string }) {
  const [, setAlias] = useMutation(SET_ALIAS);
  const [alias, setName] = useState('');
  return (
    <ActionDialog
      button="Set alias…"
      title={`Point an alias at ${version}`}
      confirm="Set"
      ready={alias.trim() !== ''}
      onSubmit={async () => (await setAlias({ input: { model, version, alias: alias.trim() } })).error}
    >
      <TextField label="Alias" value={alias} onChange={setName} required hint="A name such as champion. If another version has it, it moves." />
    </ActionDialog>
  );
}

const lines = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** Edits the texts of the card. A card that changed meanwhile is shown beside what was typed. */
function CardButton({ version, card, onStale }: { version: VersionData; card: NonNullable<VersionData['card']>; onStale: () => void }) {
  const [, edit] = useMutation(EDIT_CARD);
  const [description, setDescription] = useState(card.description ?? '');
  const [limitations, setLimitations] = useState((card.limitations ?? []).join('\n'));
  const [preprocessing, setPreprocessing] = useState((card.dataPreprocessing ?? []).join('\n'));
  const [revision, setRevision] = useState(card.revision);
  const stale = revision !== card.revision;
  return (
    <ActionDialog
      button="Edit card…"
      title={`Card of ${version.version}`}
      confirm={stale ? 'Save over the newer card' : 'Save'}
      onSubmit={async () => {
        const { error, data } = await edit({ input: { id: version.id, ifRevision: card.revision, card: { description, limitations: lines(limitations), dataPreprocessing: lines(preprocessing) } } });
        if (codeOf(error) === 'CONFLICT') onStale();
        if (data?.updateModelCard?.card) setRevision(data.updateModelCard.card.revision);
        return error;
      }}
    >
      {stale && (
        <div className="notice">
          <p>The card was changed meanwhile. It now says:</p>
          <p className="description">{card.description}</p>
          <p className="description">{(card.limitations ?? []).join('\n')}</p>
          <button
            type="button"
            onClick={() => {
              setDescription(card.description ?? '');
              setLimitations((card.limitations ?? []).join('\n'));
              setPreprocessing((card.dataPreprocessing ?? []).join('\n'));
              setRevision(card.revision);
            }}
          >
            Take that instead
          </button>
        </div>
      )}
      <TextField label="Description" value={description} onChange={setDescription} rows={5} hint="Markdown without HTML." />
      <TextField label="Limitations" value={limitations} onChange={setLimitations} rows={4} hint="One a line." />
      <TextField label="What was done to the data" value={preprocessing} onChange={setPreprocessing} rows={3} hint="One a line." />
    </ActionDialog>
  );
}

/** The requests that wait, with the buttons of those who may decide. */
export function Requests({ version }: { version: VersionData }) {
  const may = useMay();
  const [{ data }] = useQuery({ query: REQUESTS, variables: { id: version.id }, pause: !may('request.read') });
  const all = data?.node && 'transitionRequests' in data.node ? nodesOf(data.node.transitionRequests) : [];
  const waiting = all.filter((one) => one.status === 'PENDING' || one.status === 'APPROVED');
  if (waiting.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="requests">
      <h2 id="requests">Waits for approval</h2>
      <ul className="rows">
        {waiting.map((one) => (
          <li key={one.id} className="stack">
            <div>
              <strong>{one.requestedBy}</strong> asks to move it from {label(one.from)} to {label(one.to)} since <Time at={one.requestedAt} />
              {one.reason ? `: ${one.reason}` : ''}
              <div className="muted small">
                {one.approvals?.length ?? 0} of {one.needed} approvals
                {(one.approvals ?? []).map((approval) => ` · ${approval.by}${approval.comment ? `: ${approval.comment}` : ''}`)}; void after <Time at={one.expiresAt} date />
              </div>
            </div>
            <DecideButtons id={one.id} requestedBy={one.requestedBy} />
          </li>
        ))}
      </ul>
    </section>
  );
}
