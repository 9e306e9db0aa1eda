// Who holds which role, and where; roles are given and taken here.
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { graphql, nodesOf } from '../../api/graphql';
import { ActionDialog, TextField } from '../../components/ActionDialog';
import { Choice } from '../../components/Choice';
import { Time } from '../../components/Marks';
import { Answer, Panel } from '../../components/Page';
import { Pager } from '../../components/Pager';
import { useList } from '../../components/useList';

const SUBJECTS = graphql(`
  query Subjects($after: String, $filter: SubjectFilter) {
    subjects(first: 50, after: $after, filter: $filter) {
      totalCount
      edges { node { id subject createdAt grants { role scope } } }
      pageInfo { hasNextPage endCursor }
    }
    roles { name }
  }
`);
const ASSIGN = graphql(`mutation AssignRole($input: AssignRoleInput!) { assignRole(input: $input) { subject { id grants { role scope } } changed } }`);
const TAKE = graphql(`mutation TakeRole($input: RevokeRoleInput!) { revokeRole(input: $input) { subject { id grants { role scope } } changed } }`);

/** A scope in words. */
const scopeText = (scope: string) => (scope === '*' ? 'everything' : scope.replace(/^model:/, 'model ').replace(/^tag:/, 'models with '));

export function Subjects() {
  const list = useList();
  const role = list.value('role');
  const [{ data, fetching, error }, ask] = useQuery({ query: SUBJECTS, variables: { after: list.after, filter: role ? { role } : {} } });
  const roles = (data?.roles ?? []).map(({ name }) => name);
  const again = () => ask({ requestPolicy: 'network-only' });
  return (
    <>
      <div className="toolbar">
        <Choice name="Role" value={role} options={roles.map((name) => [name, name] as const)} onSet={(value) => list.filter('role', value)} />
      </div>
      <Answer data={data?.subjects} fetching={fetching} error={error}>
        {(found) => (
          <Panel title="Subjects" more={<Assign roles={roles} onDone={again} />}>
            <div className="scroll">
              <table>
                <caption className="visually-hidden">Subjects with their roles</caption>
                <thead>
                  <tr>
                    <th scope="col">Subject</th>
                    <th scope="col">Roles</th>
                    <th scope="col">First known</th>
                  </tr>
                </thead>
                <tbody>
                  {nodesOf(found).map((one) => (
                    <tr key={one.id}>
                      <th scope="row">{one.subject}</th>
                      <td>
                        {(one.grants ?? []).length === 0 && <span className="muted">none</span>}
                        <ul className="plain">
                          {(one.grants ?? []).map((grant) => (
                            <li key={`${grant.role} ${grant.scope}`}>
                              <strong>{grant.role}</strong> <span className="muted">on {scopeText(grant.scope)}</span> <Take subject={one.subject ?? ''} grant={grant} onDone={again} />
                            </li>
                          ))}
                        </ul>
                      </td>
                      <td>
                        <Time at={one.createdAt} date />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <Pager hasNext={found.pageInfo.hasNextPage} after={list.after} end={found.pageInfo.endCursor} onGo={list.go} />
          </Panel>
        )}
      </Answer>
    </>
  );
}

function Assign({ roles, onDone }: { roles: string[]; onDone: () => void }) {
  const [, assign] = useMutation(ASSIGN);
  const [subject, setSubject] = useState('');
  const [role, setRole] = useState('');
  const [scope, setScope] = useState('*');
  const [reason, setReason] = useState('');
  return (
    <ActionDialog
      button="Give a role…"
      title="Give a role"
      confirm="Give"
      primary
      ready={subject.trim() !== '' && role !== ''}
      onSubmit={async () => {
        const { error } = await assign({ input: { subject: subject.trim(), role, scope: scope.trim() || '*', reason: reason || null } });
        if (!error) onDone();
        return error;
      }}
    >
      <TextField label="Subject" value={subject} onChange={setSubject} required hint="As their tokens carry it; they need not be known yet." />
      <Choice name="Role to give" value={role} all="Choose…" options={roles.map((name) => [name, name] as const)} onSet={setRole} />
      <TextField label="Where" value={scope} onChange={setScope} hint="* is everything; model:NAME is one model, tag:KEY=VALUE the models with a tag." />
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} hint="It stays in the log." />
    </ActionDialog>
  );
}

function Take({ subject, grant, onDone }: { subject: string; grant: { role: string; scope: string }; onDone: () => void }) {
  const [, take] = useMutation(TAKE);
  const [reason, setReason] = useState('');
  return (
    <ActionDialog
      button="Take…"
      title={`Take ${grant.role} from ${subject}`}
      confirm="Take"
      onSubmit={async () => {
        const { error } = await take({ input: { subject, role: grant.role, scope: grant.scope, reason: reason || null } });
        if (!error) onDone();
        return error;
      }}
    >
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} hint="It stays in the log." />
    </ActionDialog>
  );
}
