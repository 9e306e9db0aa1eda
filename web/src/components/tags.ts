// A tag as it stands in an address and in a field: the key ends at the first equals sign.

export interface Tag {
  key: string;
  value: string;
}

export const tagText = ({ key, value }: Tag) => `${key}=${value}`;

export function tagOf(text: string): Tag {
  const end = text.indexOf('=');
  return end < 0 ? { key: text, value: '' } : { key: text.slice(0, end), value: text.slice(end + 1) };
}
