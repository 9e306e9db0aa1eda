import { RequestError, type GraphQLError } from './api';
import { count } from './dom';

/** The command that creates a token. Parts between backquotes are shown as code. */
export const TOKEN_COMMAND = '`pedigree token create --subject me --role viewer`';

/** Describes an error and what the user can do about it. */
export function errorText(err: unknown): string {
  if (!(err instanceof RequestError)) return `Something in this page failed: ${err instanceof Error ? err.message : String(err)}. Reload it.`;
  switch (err.code) {
    case 'UNAUTHENTICATED':
      return `The server does not accept this token. Make one with ${TOKEN_COMMAND} and paste the last line that it prints.`;
    case 'FORBIDDEN':
      return `Your roles may not read this. Ask an admin for a role that does, or sign in with another token.`;
    case 'NOT_FOUND':
      return `There is nothing with this id, or your roles may not see it. Choose a model from the list.`;
    case 'NETWORK':
      return 'The server did not answer. Is `pedigree serve` still running? Then try again.';
    case 'RESOURCE_EXHAUSTED':
    case 'UNAVAILABLE':
      return `The server is busy: ${err.message} Try again in a moment.`;
    default:
      return `The server refused: ${err.message}`;
  }
}

/** Describes which fields of an answer are hidden or failed. The server sends one error per schema coordinate, with a count. */
export function hiddenFieldsText(errors: GraphQLError[]): string {
  if (errors.length === 0) return '';
  const hidden = errors.filter((error) => error.extensions?.code === 'FORBIDDEN');
  const names = [...new Set(hidden.map((error) => error.extensions?.coordinate ?? String(error.path?.at(-1) ?? '')).filter(Boolean))];
  const other = errors.filter((error) => !hidden.includes(error)).map((error) => error.message);
  const parts: string[] = [];
  if (hidden.length > 0) parts.push(`Hidden from your roles: ${names.length > 0 ? names.join(', ') : count(hidden.length, 'field')}.`);
  if (other.length > 0) parts.push(`Not answered: ${[...new Set(other)].join('; ')}.`);
  return parts.join(' ');
}
