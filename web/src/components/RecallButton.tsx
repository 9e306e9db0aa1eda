import { useState } from 'react';
import { useMutation } from 'urql';
import { useLocation } from 'wouter';
import { graphql } from '../api/graphql';
import { useMay } from '../api/viewer';
import { ActionDialog, TextField } from './ActionDialog';
import { recallHref } from './links';

const RECALL = graphql(`mutation RecallNodes($input: RecallInput!) { recall(input: $input) { recall { id number } } }`);

const KINDS = new Set(['DATASET_VERSION', 'COMMIT', 'FEATURE', 'RUN', 'MODEL_VERSION']);

const SEVERITIES = [
  ['LOW', 'Low: good to know'],
  ['MEDIUM', 'Medium: to be looked into'],
  ['HIGH', 'High: to be dealt with soon'],
  ['CRITICAL', 'Critical: to be dealt with at once'],
] as const;

interface Props {
  id: string;
  kind: string;
  name: string;
}

/** Says that a node is bad; for those who may, and for kinds that can be recalled. */
export function RecallButton({ id, kind, name }: Props) {
  const may = useMay();
  const [, go] = useLocation();
  const [, recall] = useMutation(RECALL);
  const [severity, setSeverity] = useState('');
  const [reason, setReason] = useState('');
  const [links, setLinks] = useState('');
  if (!KINDS.has(kind) || !may('recall.write')) return null;
  return (
    <ActionDialog
      button="Recall…"
      title={`Recall ${name}`}
      confirm="Recall it"
      ready={reason.trim() !== '' && severity !== ''}
      onSubmit={async () => {
        const { data, error } = await recall(
          { input: { nodes: [id], reason, severity: severity as 'LOW', links: links.split('\n').map((line) => line.trim()).filter(Boolean) } },
          { additionalTypenames: ['ModelVersion', 'DatasetVersion', 'Run', 'Commit', 'Tag', 'Feature', 'Deployment'] },
        );
        if (data?.recall?.recall) go(recallHref(data.recall.recall.id));
        return error;
      }}
    >
      <p>All that descends from it shows that it is bad, and is not promoted. To end a recall takes two people.</p>
      <TextField label="What is wrong" value={reason} onChange={setReason} rows={3} required />
      <div className="field">
        <label htmlFor="severity">How bad is it</label>
        <select id="severity" value={severity} required onChange={(event) => setSeverity(event.target.value)}>
          <option value="">Choose…</option>
          {SEVERITIES.map(([key, text]) => (
            <option key={key} value={key}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <TextField label="Links to read" value={links} onChange={setLinks} rows={2} hint="One a line." />
    </ActionDialog>
  );
}
