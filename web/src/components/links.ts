// The addresses of the pages, without the base path. Every page is found by its address.
import { useLocation } from 'wouter';
import { BASE } from '../api/session';

const part = encodeURIComponent;

/** The page of a model. */
export const modelHref = (name: string) => `/models/${part(name)}`;

/** The page of a version of a model. */
export const versionHref = (model: string, version: string) => `/models/${part(model)}/versions/${part(version)}`;

/** The lineage of a node. */
export const lineageHref = (id: string) => `/lineage/${part(id)}`;

/** What depends on a node. */
export const impactHref = (id: string) => `/impact/${part(id)}`;

/** The page of a dataset version, run, commit, tag, feature or deployment. */
export const nodeHref = (id: string) => `/nodes/${part(id)}`;

/** One recall, with the deployments that it concerns. */
export const recallHref = (id: string) => `/recalls/${part(id)}`;

/** The open recalls under which a node stands. */
export const recallsOfHref = (id: string) => `/recalls?node=${part(id)}`;

/** GraphiQL with a query in it. Not a page of the router: it is loaded anew. */
export const graphiqlHref = (query: string, variables: unknown) => `${BASE}/graphiql#${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`;

/**
 * The parts of the page's address below the base path, each decoded once. The router decodes twice, which a name with a
 * percent sign does not survive.
 */
export function useSegments(): string[] {
  useLocation();
  return location.pathname
    .slice(BASE.length)
    .split('/')
    .slice(1)
    .map((segment) => {
      try {
        return decodeURIComponent(segment);
      } catch {
        return segment;
      }
    });
}

/** Two versions side by side. Without the second the page asks for it. */
export const compareHref = (a: string, b: string | null) => `/compare?${new URLSearchParams(b === null ? { a } : { a, b })}`;

/** One webhook. */
export const webhookHref = (id: string) => `/notifications/${part(id)}`;

/** The compliance pack of a version. */
export const complianceHref = (model: string, version: string) => `${versionHref(model, version)}/compliance`;
