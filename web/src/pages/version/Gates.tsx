// What the gates say of moving a version into a stage, and the facts that they looked at.
import { Link } from 'wouter';
import { graphql, type FragmentOf } from '../../api/graphql';
import { nodeHref } from '../../components/links';
import { Panel } from '../../components/Page';
import { Stage } from '../../components/Marks';
import { count, label } from '../../components/format';

export const GATE = graphql(`fragment GateSays on GateResult @_unmask { gate mode answer refuses message reason more saw { path state node name value } }`);

type Says = FragmentOf<typeof GATE>;

const ANSWERS: Record<string, [string, string]> = { PASS: ['good', 'passes'], FAIL: ['bad', 'fails'], UNKNOWN: ['warn', 'is not known'] };

/** The gates of one transition. */
export function GateList({ gates }: { gates: readonly Says[] }) {
  return (
    <ul className="rows">
      {gates.map((gate, i) => (
        <li key={gate.gate ?? i}>
          <span className={`badge ${ANSWERS[gate.answer]![0]}`}>{ANSWERS[gate.answer]![1]}</span> <strong>{gate.gate ?? 'a gate that you may not see'}</strong>{' '}
          {gate.answer !== 'PASS' && <span className="muted small">{gate.refuses ? 'refuses the move' : 'only warns'}</span>}
          {gate.answer !== 'PASS' && gate.message && <div>{gate.message}</div>}
          {gate.reason && <div className="muted small">{gate.reason}</div>}
          {gate.saw.length > 0 && (
            <details>
              <summary className="small">{count(gate.saw.length + gate.more, 'fact that it saw', 'facts that it saw')}</summary>
              <ul className="plain small">
                {gate.saw.map((fact, j) => (
                  <li key={j}>
                    <code>{fact.path}</code> {fact.state === 'KNOWN' ? <>is {fact.value == null || fact.value === '' ? 'empty' : <strong>{fact.value}</strong>}</> : <span className="badge warn">{fact.state === 'HIDDEN' ? 'hidden from you' : 'not known'}</span>}
                    {fact.name && (
                      <>
                        {' '}
                        of {fact.node ? <Link href={nodeHref(fact.node)}>{fact.name}</Link> : fact.name}
                      </>
                    )}
                  </li>
                ))}
                {gate.more > 0 && <li className="muted">and {count(gate.more, 'other')}</li>}
              </ul>
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}

/** What the gates say before anybody presses a button, stage by stage. */
export function Gates({ stages }: { stages: readonly { stage: string; gates: readonly Says[] }[] }) {
  const guarded = stages.filter(({ gates }) => gates.length > 0);
  if (guarded.length === 0) return null;
  return (
    <Panel title="Gates on its way">
      {guarded.map(({ stage, gates }) => (
        <section key={stage} aria-label={`Gates into ${label(stage)}`}>
          <h3>
            <span className="muted">into</span> <Stage stage={stage} />
          </h3>
          <GateList gates={gates} />
        </section>
      ))}
    </Panel>
  );
}
