// The card of a version, whole: also what is missing on it.
import { Panel } from '../../components/Page';
import { Text } from '../../components/Text';
import { Time } from '../../components/Marks';
import { long, number } from '../../components/format';
import type { VersionData } from '../Version';

type CardData = NonNullable<VersionData['card']>;

export function Card({ card }: { card: CardData }) {
  const { completeness, performance, training, modelDetails, ethicalConsiderations: ethics } = card;
  const metrics: [string, number | null | undefined][] = [
    ['Accuracy', performance?.accuracy],
    ['Precision', performance?.precision],
    ['Recall', performance?.recall],
    ['F1', performance?.f1Score],
    ...(performance?.metrics ?? []).map(({ name, value }): [string, number] => [name, value]),
  ];
  const known = metrics.filter((metric): metric is [string, number] => metric[1] != null);
  return (
    <Panel
      title="Model card"
      more={
        completeness && (
          <span className={completeness.complete ? 'badge good' : 'badge warn'}>
            {completeness.filled} of {completeness.total} fields
          </span>
        )
      }
    >
      <Text text={card.description} />
      {known.length > 0 && (
        <dl className="tiles">
          {known.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{number(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      <List title="Limitations" items={card.limitations} />
      <List title="What was done to the data" items={card.dataPreprocessing} />
      {ethics && (
        <>
          <h3>Fairness</h3>
          <ul className="badges">
            <Check done={ethics.fairnessChecked} text="fairness checked" />
            <Check done={ethics.biasAuditDone} text="bias audit" />
            {(ethics.protectedGroups ?? []).map((group) => (
              <li key={group} className="badge tag">
                {group}
              </li>
            ))}
          </ul>
        </>
      )}
      <dl className="facts">
        <Fact name="Algorithm" value={modelDetails?.algorithm} />
        <Fact name="Framework" value={modelDetails?.framework} />
        <Fact name="Training data" value={training?.trainingDataVersion} />
        {training?.trainingDate && (
          <>
            <dt>Trained</dt>
            <dd>
              <Time at={training.trainingDate} date />
            </dd>
          </>
        )}
        <Fact name="Training hours" value={training?.trainingTimeHours == null ? null : number(training.trainingTimeHours)} />
        <Fact name="Rows" value={training?.samplesUsed == null ? null : long(training.samplesUsed)} />
        <Fact name="Features" value={card.features?.join(', ')} />
      </dl>
      <Parameters value={modelDetails?.hyperparameters} />
      {completeness && completeness.missing.length > 0 && (
        <div className="notice">
          <h3>Missing</h3>
          <p>{completeness.missing.join(', ')}</p>
          <p>“Edit card” adds the texts; the other fields come with updateModelCard or the registration.</p>
        </div>
      )}
    </Panel>
  );
}

function Fact({ name, value }: { name: string; value: string | null | undefined }) {
  if (value == null || value === '') return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Check({ done, text }: { done: boolean | null; text: string }) {
  return <li className={done ? 'badge good' : 'badge warn'}>{done ? `✓ ${text}` : `no ${text} recorded`}</li>;
}

function List({ title, items }: { title: string; items: readonly string[] | null }) {
  if (!items || items.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul className="bullets">
        {items.map((item, i) => (
          <li key={i}>
            <Text text={item} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** Hyperparameters: a table when they are names and values, else the JSON. */
function Parameters({ value }: { value: unknown }) {
  if (value == null) return null;
  if (typeof value !== 'object' || Array.isArray(value)) return <pre>{JSON.stringify(value, null, 2)}</pre>;
  const entries = Object.entries(value);
  if (entries.length === 0) return null;
  return (
    <>
      <h3>Parameters</h3>
      <dl className="facts">
        {entries.map(([key, one]) => (
          <div key={key} className="contents">
            <dt>{key}</dt>
            <dd>
              <code>{typeof one === 'string' ? one : JSON.stringify(one)}</code>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}
