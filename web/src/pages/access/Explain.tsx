// Whether a role may read a field or do an action, which rule decides, and why.
import { useState } from 'react';
import { useQuery } from 'urql';
import { graphql } from '../../api/graphql';
import { Answer, Panel } from '../../components/Page';
import { useUrlState } from '../../components/useUrlState';

const EXPLAIN = graphql(`
  query Explain($role: String!, $field: String, $action: String) {
    explain(role: $role, field: $field, action: $action) { allowed role object why version rule { id text origin effect } }
  }
`);
const CHOICES = graphql(`query ExplainChoices { roles { name actions } }`);

export function Explain() {
  const [params, set] = useUrlState();
  const [{ data: choices }] = useQuery({ query: CHOICES });
  const roles = choices?.roles ?? [];
  const [role, setRole] = useState(params.get('role') ?? '');
  const [object, setObject] = useState(params.get('field') ?? params.get('action') ?? '');
  const asked = { role: params.get('role') ?? '', field: params.get('field'), action: params.get('action') };
  const complete = asked.role !== '' && (asked.field !== null || asked.action !== null);
  const [{ data, fetching, error }] = useQuery({ query: EXPLAIN, variables: asked, pause: !complete });
  const actions = [...new Set(roles.flatMap((one) => one.actions))].sort();
  return (
    <>
      <form
        className="toolbar"
        aria-label="What to explain"
        onSubmit={(event) => {
          event.preventDefault();
          // A field has its noun, with a capital, in front.
          const isField = /^[A-Z]\w*\./.test(object.trim());
          set({ role: role.trim(), field: isField ? object.trim() : null, action: isField ? null : object.trim() });
        }}
      >
        <div className="field">
          <label htmlFor="explain-role">Role</label>
          <input id="explain-role" list="explain-roles" value={role} required autoComplete="off" onChange={(event) => setRole(event.target.value)} />
          <datalist id="explain-roles">
            {roles.map(({ name }) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </div>
        <div className="field wide">
          <label htmlFor="explain-object">Field (Noun.name) or action</label>
          <input id="explain-object" list="explain-objects" value={object} required autoComplete="off" onChange={(event) => setObject(event.target.value)} />
          <datalist id="explain-objects">
            {actions.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </div>
        <button type="submit" className="primary">
          Explain
        </button>
      </form>
      {!complete && <p className="empty">Choose a role, and a field such as ModelVersion.stage or an action such as transition.</p>}
      {complete && (
        <Answer data={data?.explain} fetching={fetching} error={error}>
          {(answer) => (
            <Panel title={`${answer.role} and ${answer.object}`} id="explanation">
              <p className="sentence">
                <span className={answer.allowed ? 'badge good' : 'badge bad'}>{answer.allowed ? 'allowed' : 'not allowed'}</span> {answer.why}
              </p>
              {answer.rule && (
                <dl className="facts">
                  <dt>The rule that decides</dt>
                  <dd>
                    <code>{answer.rule.text}</code>
                  </dd>
                  <dt>It comes from</dt>
                  <dd>{answer.rule.origin === 'API' ? 'the API' : 'the policy file'}</dd>
                  <dt>Version of the policy</dt>
                  <dd>{answer.version}</dd>
                </dl>
              )}
            </Panel>
          )}
        </Answer>
      )}
    </>
  );
}
