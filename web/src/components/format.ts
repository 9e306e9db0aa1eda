// How numbers, sizes and enum values are written.

/** A number in the reader's language. */
export const number = (value: number) => value.toLocaleString(undefined, { maximumFractionDigits: 4 });

/** "1 node", "2 nodes". */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`;
}

/** A long number, which is a string when a double would not hold it. */
export const long = (value: number | string) => BigInt(value).toLocaleString();

/** A size in bytes, as people say it. */
export function bytes(value: number | string): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let size = Number(value);
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size.toLocaleString(undefined, { maximumFractionDigits: 1 })} ${units[unit]}`;
}

/** The label of an enum value: MODEL_VERSION is "model version". */
export function label(value: string | null | undefined, fallback = 'unknown'): string {
  return value == null ? fallback : value.toLowerCase().replaceAll('_', ' ');
}

/** The same, with a capital at its start. */
export function title(value: string | null | undefined, fallback = 'Unknown'): string {
  const text = label(value, fallback);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
