// The pages by their addresses. Each is loaded when it is first opened. The server answers these addresses with
// index.html: pagePaths in web.go lists their first parts.
import { lazy, type ComponentType } from 'react';

/** The entries of the navigation. */
export const NAVIGATION: [string, string][] = [
  ['Home', '/'],
  ['Models', '/models'],
  ['Lineage', '/lineage'],
  ['Data', '/datasets'],
  ['Deployments', '/deployments'],
  ['Governance', '/governance'],
  ['Log', '/log'],
  ['Access', '/access'],
  ['Help', '/help'],
];

/** Every address with its page. */
export const ROUTES: [string, ComponentType][] = [
  ['/', lazy(() => import('./pages/Home'))],
  ['/models', lazy(() => import('./pages/Catalog'))],
  ['/models/:model', lazy(() => import('./pages/Model'))],
  ['/models/:model/versions/:version', lazy(() => import('./pages/Version'))],
  ['/models/:model/versions/:version/compliance', lazy(() => import('./pages/Compliance'))],
  ['/lineage', lazy(() => import('./pages/LineageStart'))],
  ['/lineage/:id', lazy(() => import('./pages/Lineage'))],
  ['/impact/:id', lazy(() => import('./pages/Impact'))],
  ['/compare', lazy(() => import('./pages/Compare'))],
  ['/nodes/:id', lazy(() => import('./pages/Node'))],
  ['/datasets', lazy(() => import('./pages/Datasets'))],
  ['/runs', lazy(() => import('./pages/Runs'))],
  ['/features', lazy(() => import('./pages/Features'))],
  ['/commits', lazy(() => import('./pages/Commits'))],
  ['/deployments', lazy(() => import('./pages/Deployments'))],
  ['/governance', lazy(() => import('./pages/Governance'))],
  ['/recalls', lazy(() => import('./pages/Recalls'))],
  ['/recalls/:id', lazy(() => import('./pages/Recall'))],
  ['/log', lazy(() => import('./pages/Log'))],
  ['/access', lazy(() => import('./pages/Access'))],
  ['/notifications', lazy(() => import('./pages/Notifications'))],
  ['/notifications/:id', lazy(() => import('./pages/Webhook'))],
  ['/help', lazy(() => import('./pages/Help'))],
  ['/help/:page', lazy(() => import('./pages/Help'))],
  ['/search', lazy(() => import('./pages/Search'))],
];
