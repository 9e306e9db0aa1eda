// The rules of the policy, its versions, and a new rule with what it would change.
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { graphql, nodesOf } from '../../api/graphql';
import { ActionDialog, TextField } from '../../components/ActionDialog';
import { Choice } from '../../components/Choice';
import { Time } from '../../components/Marks';
import { Answer, Panel } from '../../components/Page';
import { count, label } from '../../components/format';
import { useUrlState } from '../../components/useUrlState';

const RULES = graphql(`
  query Rules {
    policy { version hash unused rules { id role object act rows effect text origin } }
    policyVersions(first: 10) { edges { node { id number change rule by at reason } } }
  }
`);
const PREVIEW = graphql(`
  query RulePreview($role: String!, $field: String, $action: String) {
    explain(role: $role, field: $field, action: $action) { allowed why }
  }
`);
const PUT = graphql(`mutation PutRule($input: PutPolicyRuleInput!) { putPolicyRule(input: $input) { changed policy { version } } }`);
const WITHDRAW = graphql(`mutation WithdrawRule($input: WithdrawPolicyRuleInput!) { withdrawPolicyRule(input: $input) { changed policy { version } } }`);

export function Rules() {
  const [params, set] = useUrlState();
  const [{ data, fetching, error }, ask] = useQuery({ query: RULES });
  const again = () => ask({ requestPolicy: 'network-only' });
  const role = params.get('role') ?? '';
  return (
    <Answer data={data?.policy} fetching={fetching} error={error} lines={12}>
      {(policy) => {
        const roles = [...new Set(policy.rules.map((rule) => rule.role))];
        const shown = policy.rules.filter((rule) => role === '' || rule.role === role);
        return (
          <>
            <div className="toolbar">
              <Choice name="Role" value={role} options={roles.map((name) => [name, name] as const)} onSet={(value) => set({ role: value })} />
            </div>
            {(policy.unused ?? []).length > 0 && <p className="notice">Rules that do not fit the server’s file, and are left out: {policy.unused!.join('; ')}</p>}
            <div className="sided">
              <Panel title="Rules" more={<NewRule version={policy.version} roles={roles} onDone={again} />}>
                <p className="muted">
                  {count(shown.length, 'rule')}; the API changed the policy {count(policy.version, 'time')}.
                </p>
                <ul className="rows">
                  {shown.map((rule) => (
                    <li key={rule.id} className="between">
                      <span>
                        <strong>{rule.role}</strong> {rule.effect === 'DENY' ? 'may not' : 'may'} {rule.act === 'READ' ? 'read' : 'do'} <code>{rule.object}</code>
                        {rule.rows !== 'ALL' && <span className="muted"> on {label(rule.rows)} rows</span>} {rule.origin === 'API' && <span className="badge warn">by the API</span>}
                      </span>
                      <Withdraw id={rule.id} text={rule.text} version={policy.version} onDone={again} />
                    </li>
                  ))}
                </ul>
              </Panel>
              <Panel title="Changes">
                {nodesOf(data?.policyVersions).length === 0 && <p className="muted">The policy is as the server’s file has it.</p>}
                <ol className="timeline">
                  {nodesOf(data?.policyVersions).map((one) => (
                    <li key={one.id}>
                      <strong>{label(one.change)}</strong> by {one.by} <span className="muted small"><Time at={one.at} /></span>
                      {one.rule && (
                        <div>
                          <code>{one.rule}</code>
                        </div>
                      )}
                      {one.reason && <div>{one.reason}</div>}
                    </li>
                  ))}
                </ol>
              </Panel>
            </div>
          </>
        );
      }}
    </Answer>
  );
}

const ROWS = ['ALL', 'SERVED', 'MODELS', 'OWN'] as const;

/** A new rule. Before it is put, the form says what the role may do with the object now. */
function NewRule({ version, roles, onDone }: { version: number; roles: string[]; onDone: () => void }) {
  const [, put] = useMutation(PUT);
  const [role, setRole] = useState('');
  const [object, setObject] = useState('');
  const [rows, setRows] = useState('');
  const [reason, setReason] = useState('');
  const isField = /^[A-Z]\w*\.\w+$/.test(object.trim());
  const isAction = /^[a-z][\w.]*$/.test(object.trim());
  const act = isAction ? ('DO' as const) : ('READ' as const);
  const [{ data: now, error }] = useQuery({
    query: PREVIEW,
    variables: { role: role.trim(), field: isField ? object.trim() : null, action: isAction ? object.trim() : null },
    pause: !roles.includes(role.trim()) || !(isField || isAction),
  });
  const chosen = ROWS.find((one) => one === rows) ?? 'ALL';
  return (
    <ActionDialog
      button="New rule…"
      title="New rule"
      confirm="Put"
      primary
      ready={role.trim() !== '' && object.trim() !== ''}
      onSubmit={async () => {
        const { error: refused } = await put({ input: { role: role.trim(), object: object.trim(), act, rows: chosen, ifVersion: version, reason: reason || null } });
        if (!refused) onDone();
        return refused;
      }}
    >
      <TextField label="Role" value={role} onChange={setRole} required hint={`One of ${roles.join(', ')}, or a new one.`} />
      <TextField label="Object" value={object} onChange={setObject} required hint="A field such as Model.owner, an action such as transition, or a group such as class:catalog." />
      <Choice name="Rows" value={rows} all="all" options={[['SERVED', 'in production or deprecated'], ['MODELS', 'log entries of models'], ['OWN', 'their own facts']]} onSet={setRows} />
      <div className="notice" aria-live="polite">
        <strong>Preview.</strong>{' '}
        {role.trim() === '' || object.trim() === '' ? (
          'Name a role and an object.'
        ) : (
          <>
            {error && 'The registry does not know this object. '}
            {now?.explain && !error && (
              <>
                Now it is <strong>{now.explain.allowed ? 'allowed' : 'not allowed'}</strong>: {now.explain.why}{' '}
              </>
            )}
            {!roles.includes(role.trim()) && 'This makes a new role. '}
            With the rule, {role.trim()} may {act === 'READ' ? 'read' : 'do'} {object.trim()}
            {chosen === 'ALL' ? '' : ` on ${label(chosen)} rows`}. It is in force at once.
          </>
        )}
      </div>
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} hint="It stays in the log." />
    </ActionDialog>
  );
}

function Withdraw({ id, text, version, onDone }: { id: string; text: string; version: number; onDone: () => void }) {
  const [, withdraw] = useMutation(WITHDRAW);
  const [reason, setReason] = useState('');
  return (
    <ActionDialog
      button="Withdraw…"
      title="Withdraw the rule"
      confirm="Withdraw"
      onSubmit={async () => {
        const { error } = await withdraw({ input: { id, ifVersion: version, reason: reason || null } });
        if (!error) onDone();
        return error;
      }}
    >
      <p>
        <code>{text}</code>
      </p>
      <TextField label="Reason" value={reason} onChange={setReason} rows={2} hint="It stays in the log." />
    </ActionDialog>
  );
}
