// Describes errors, and what the user can do about them.
import type { CombinedError } from '@urql/core';

/** The command that creates a token. Parts between backquotes are shown as code. */
export const TOKEN_COMMAND = '`pedigree token create --subject me --role viewer`';

/** A request without data. The code is one of the registry's error codes, or NETWORK when there was no response. */
export class RequestError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

/** The registry's code of an error of a query. */
export function codeOf(error: CombinedError | undefined): string {
  if (error === undefined) return '';
  if (error.graphQLErrors.length === 0) return error.response === undefined ? 'NETWORK' : 'INTERNAL';
  return String(error.graphQLErrors[0]?.extensions['code'] ?? 'INTERNAL');
}

/** Describes an error by its code. */
export function errorText(err: unknown): string {
  if (!(err instanceof RequestError)) return `Something in this page failed: ${err instanceof Error ? err.message : String(err)}. Reload it.`;
  switch (err.code) {
    case 'UNAUTHENTICATED':
      return `The server does not accept this token. Make one with ${TOKEN_COMMAND} and paste the last line that it prints.`;
    case 'FORBIDDEN':
      return `Your roles may not read this. Ask an admin for a role that does, or sign in with another token.`;
    case 'NOT_FOUND':
      return `There is nothing with this id, or your roles may not see it.`;
    case 'NETWORK':
      return 'The server did not answer. Is `pedigree serve` still running? Then try again.';
    case 'RESOURCE_EXHAUSTED':
    case 'UNAVAILABLE':
      return `The server is busy: ${err.message} Try again in a moment.`;
    default:
      return `The server refused: ${err.message}`;
  }
}

/** Describes why a query has no data. */
export function queryErrorText(error: CombinedError): string {
  return errorText(new RequestError(codeOf(error), error.graphQLErrors[0]?.message ?? error.message));
}

/** Describes which fields of an answer are hidden or failed. The server sends one error per schema coordinate, with a count. */
export function hiddenFieldsText(error: CombinedError | undefined): string {
  const errors = error?.graphQLErrors ?? [];
  const hidden = errors.filter((one) => one.extensions['code'] === 'FORBIDDEN');
  const names = [...new Set(hidden.map((one) => String(one.extensions['coordinate'] ?? one.path?.at(-1) ?? '')).filter(Boolean))];
  const other = [...new Set(errors.filter((one) => !hidden.includes(one)).map((one) => one.message))];
  const parts: string[] = [];
  if (hidden.length > 0) parts.push(`Hidden from your roles: ${names.length > 0 ? names.join(', ') : `${hidden.length} fields`}.`);
  if (other.length > 0) parts.push(`Not answered: ${other.join('; ')}.`);
  return parts.join(' ');
}
