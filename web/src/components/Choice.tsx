import { title } from './format';

interface Props {
  name: string;
  value: string;
  /** The values, or values with texts; the empty value is "all". */
  options: readonly (string | readonly [string, string])[];
  all?: string;
  onSet: (value: string) => void;
}

/** A filter with a few values. */
export function Choice({ name, value, options, all = 'all', onSet }: Props) {
  const id = `choice-${name.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <select id={id} value={value} onChange={(event) => onSet(event.target.value)}>
        <option value="">{all}</option>
        {options.map((option) => {
          const [key, text] = typeof option === 'string' ? [option, title(option)] : option;
          return (
            <option key={key} value={key}>
              {text}
            </option>
          );
        })}
      </select>
    </div>
  );
}
