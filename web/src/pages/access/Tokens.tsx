// The reader's API tokens: a list, a new one that is shown once, and the end of one.
import { useState } from 'react';
import { useMutation, useQuery } from 'urql';
import { graphql, nodesOf } from '../../api/graphql';
import { useMay, useViewer } from '../../api/viewer';
import { ActionDialog, TextField } from '../../components/ActionDialog';
import { Time } from '../../components/Marks';
import { Answer, Panel } from '../../components/Page';
import { ShownOnce } from '../../components/ShownOnce';

const TOKENS = graphql(`
  query Tokens($subject: String) {
    apiTokens(first: 100, subject: $subject) { edges { node { id subject name roles models createdBy createdAt expiresAt revokedAt lastUsedAt } } }
  }
`);
const CREATE = graphql(`mutation CreateToken($input: CreateApiTokenInput!) { createApiToken(input: $input) { token apiToken { id } } }`);
const REVOKE = graphql(`mutation RevokeToken($input: RevokeApiTokenInput!) { revokeApiToken(input: $input) { apiToken { id revokedAt } } }`);

/** How long a token may live, in days; 0 is for ever. */
const LIVES: [number, string][] = [
  [30, '30 days'],
  [90, '90 days'],
  [365, 'a year'],
  [0, 'no end'],
];

export function Tokens() {
  const viewer = useViewer()!;
  const everyone = useMay()('token.manage.any');
  const [all, setAll] = useState(false);
  const [{ data, fetching, error }, ask] = useQuery({ query: TOKENS, variables: { subject: all ? null : viewer.subject } });
  const [made, setMade] = useState<string | null>(null);
  const again = () => ask({ requestPolicy: 'network-only' });
  return (
    <Panel title={all ? 'Tokens' : 'My tokens'} more={<NewToken onMade={(token) => { setMade(token); again(); }} />}>
      {made !== null && <ShownOnce what="The new token" secret={made} onDone={() => setMade(null)} />}
      {everyone && (
        <label className="check">
          <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} /> of everybody
        </label>
      )}
      <Answer data={data?.apiTokens} fetching={fetching} error={error}>
        {(found) =>
          found.edges.length === 0 ? (
            <p className="muted">None yet. A program uses a token to act as you.</p>
          ) : (
            <div className="scroll">
              <table>
                <caption className="visually-hidden">API tokens</caption>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    {all && <th scope="col">Subject</th>}
                    <th scope="col">Limited to</th>
                    <th scope="col">Made</th>
                    <th scope="col">Last used</th>
                    <th scope="col">Ends</th>
                    <th scope="col">
                      <span className="visually-hidden">Actions</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {nodesOf(found).map((token) => (
                    <tr key={token.id}>
                      <th scope="row">{token.name ?? <span className="muted">without a name</span>}</th>
                      {all && <td>{token.subject}</td>}
                      <td>{[...token.roles, ...token.models].join(', ') || <span className="muted">nothing</span>}</td>
                      <td>
                        <Time at={token.createdAt} date />
                      </td>
                      <td>{token.lastUsedAt === null ? <span className="muted">never</span> : <Time at={token.lastUsedAt} />}</td>
                      <td>
                        {token.revokedAt !== null ? <span className="badge bad">revoked</span> : token.expiresAt === null ? <span className="muted">does not</span> : <Time at={token.expiresAt} date />}
                      </td>
                      <td>{token.revokedAt === null && <Revoke id={token.id} name={token.name ?? token.id} onDone={again} />}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answer>
    </Panel>
  );
}

function NewToken({ onMade }: { onMade: (token: string | null) => void }) {
  const viewer = useViewer()!;
  const [, create] = useMutation(CREATE);
  const [name, setName] = useState('');
  const [life, setLife] = useState(90);
  const [roles, setRoles] = useState<string[]>([]);
  return (
    <ActionDialog
      button="New token…"
      title="New token"
      confirm="Make"
      primary
      ready={name.trim() !== ''}
      onSubmit={async () => {
        const expiresAt = life === 0 ? null : new Date(Date.now() + life * 86_400_000).toISOString();
        const { data, error } = await create({ input: { name: name.trim(), expiresAt, ...(roles.length > 0 && { roles }) } });
        if (!error) onMade(data?.createApiToken?.token ?? null);
        return error;
      }}
    >
      <TextField label="Name" value={name} onChange={setName} required hint="What it is for, such as nightly import." />
      <div className="field">
        <label htmlFor="token-life">Ends after</label>
        <select id="token-life" value={life} onChange={(event) => setLife(Number(event.target.value))}>
          {LIVES.map(([days, text]) => (
            <option key={days} value={days}>
              {text}
            </option>
          ))}
        </select>
      </div>
      <fieldset>
        <legend>Limited to roles; without any, all that you hold</legend>
        {[...new Set(viewer.roles)].map((role) => (
          <label key={role} className="check">
            <input type="checkbox" checked={roles.includes(role)} onChange={(event) => setRoles(event.target.checked ? [...roles, role] : roles.filter((one) => one !== role))} /> {role}
          </label>
        ))}
      </fieldset>
    </ActionDialog>
  );
}

function Revoke({ id, name, onDone }: { id: string; name: string; onDone: () => void }) {
  const [, revoke] = useMutation(REVOKE);
  return (
    <ActionDialog
      button="Revoke…"
      title={`Revoke ${name}`}
      confirm="Revoke"
      onSubmit={async () => {
        const { error } = await revoke({ input: { id } });
        if (!error) onDone();
        return error;
      }}
    >
      <p>Programs that use it are refused from now on. It cannot be taken back.</p>
    </ActionDialog>
  );
}
