import { useCallback } from 'react';
import { Plot } from './Plot';

/** One value of a metric of a version. */
export interface Point {
  version: string;
  metric: string;
  value: number;
}

interface Props {
  points: Point[];
  /** The versions from left to right. */
  versions: string[];
  production: string | null;
}

/** Metrics over versions, with the production version marked. Metrics differ by symbol as well as by colour. */
export default function MetricsPlot({ points, versions, production }: Props) {
  const options = useCallback(
    async () => (plot: typeof import('@observablehq/plot'), width: number) => ({
      width,
      height: 280,
      marginLeft: 46,
      marginBottom: 34,
      x: { domain: versions, label: null, type: 'point' as const, ticks: versions.length > 20 ? [] : undefined },
      y: { grid: true, label: null, nice: true, zero: false },
      color: { legend: false, scheme: 'observable10' as const },
      symbol: { legend: true },
      marks: [
        ...(production !== null ? [plot.ruleX([production], { stroke: 'var(--good)', strokeWidth: 2, strokeDasharray: '5 4' }), plot.text([production], { x: (d: string) => d, frameAnchor: 'top' as const, dy: -12, text: () => 'in production', fill: 'var(--good)', fontWeight: 600 })] : []),
        plot.lineY(points, { x: 'version', y: 'value', stroke: 'metric', strokeWidth: 2 }),
        plot.dot(points, { x: 'version', y: 'value', stroke: 'metric', symbol: 'metric', r: 4, fill: 'var(--panel)', title: (d: Point) => `${d.version}: ${d.metric} ${d.value}` }),
      ],
    }),
    [points, versions, production],
  );
  return <Plot options={options} label={`Metrics of ${versions.length} versions; the table of versions has the values`} />;
}
