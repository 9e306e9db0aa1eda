// The buttons of those who decide a request for a transition.
import { useState } from 'react';
import type { CombinedError } from '@urql/core';
import { useMutation } from 'urql';
import { graphql, type ResultOf } from '../api/graphql';
import { useMay, useViewer } from '../api/viewer';
import { ActionDialog, TextField } from './ActionDialog';
import { say } from './said';

const APPROVE = graphql(`mutation Approve($input: DecideTransitionInput!) { approveTransition(input: $input) { request { id revision status modelName version needed approvals { by } } version { id stage } } }`);
const REJECT = graphql(`mutation Reject($input: DecideTransitionInput!) { rejectTransition(input: $input) { request { id revision status } } }`);
const WITHDRAW = graphql(`mutation Withdraw($input: DecideTransitionInput!) { withdrawTransition(input: $input) { request { id revision status } } }`);

type Approved = NonNullable<NonNullable<ResultOf<typeof APPROVE>['approveTransition']>['request']>;

/** What an approval came to, where the version did not move with it. */
function toldOf({ status, modelName, version, needed, approvals }: Approved): string {
  const [have, want] = [approvals?.length ?? 0, needed ?? 0];
  const what = `Your approval of ${modelName ?? 'the model'} ${version ?? ''} is recorded`;
  if (status === 'PENDING') return `${what}: ${have} of ${want} approvals. It waits for ${want - have} more.`;
  if (status === 'APPROVED') return `${what}: ${have} of ${want} approvals. The version moves when its requester executes the request.`;
  return '';
}

/** Approve and reject for others, withdraw for those who asked. */
export function DecideButtons({ id, requestedBy }: { id: string; requestedBy: string | null }) {
  const may = useMay();
  const viewer = useViewer();
  const [, approve] = useMutation(APPROVE);
  const [, reject] = useMutation(REJECT);
  const [, withdraw] = useMutation(WITHDRAW);
  const own = requestedBy === viewer?.subject;
  if (!own && !may('transition.approve')) return null;
  return (
    <div className="actions">
      {!own && (
        <>
          <Decide button="Approve…" id={id} primary run={async (input) => {
              const { data, error } = await approve({ input });
              if (data?.approveTransition?.request) say(toldOf(data.approveTransition.request));
              return { error };
            }} />
          <Decide button="Reject…" id={id} run={(input) => reject({ input })} />
        </>
      )}
      {own && <Decide button="Withdraw…" id={id} run={(input) => withdraw({ input })} />}
    </div>
  );
}

interface DecideProps {
  button: string;
  id: string;
  primary?: boolean;
  run: (input: { id: string; comment: string | null }) => Promise<{ error?: CombinedError | undefined }>;
}

function Decide({ button, id, primary, run }: DecideProps) {
  const [comment, setComment] = useState('');
  const verb = button.replace('…', '');
  return (
    <ActionDialog button={button} title={`${verb} the request`} confirm={verb} primary={primary} onSubmit={async () => (await run({ id, comment: comment || null })).error}>
      <TextField label="Comment" value={comment} onChange={setComment} rows={3} hint="It stays in the log." />
    </ActionDialog>
  );
}
