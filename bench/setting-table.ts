import { median, spread } from './figures.ts';
import { none, type SettingRun } from './setting-runs.ts';
import { aligned } from './table.ts';

type Figure = (run: SettingRun) => number;
const ready: Figure = (run) => run.readyMs;
const verdicts: Figure = (run) => run.verdictsMs;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);

/**
 * Medians with spread, and what a setting saves: within a round, against the mean of its two runs without any. The noise
 * is how far those two are apart.
 */
export function settingsTable(runs: readonly SettingRun[]): string {
  const names = [...new Set(runs.map((run) => run.setting))].filter((name) => name !== none.name);
  const of = (name: string): readonly SettingRun[] => runs.filter((run) => run.setting === name);
  const cell = (own: readonly SettingRun[], value: Figure): string =>
    `${seconds(median(own.map(value)))} (${spread(own.map(value))})`;
  const saved = (own: readonly SettingRun[], value: Figure): string => {
    const gains = own.map((run) => {
      const base = of(none.name).filter(({ round }) => round === run.round);
      return base.reduce((sum, one) => sum + value(one), 0) / base.length - value(run);
    });
    return `${seconds(median(gains))} (${spread(gains)})`;
  };
  const noise = (value: Figure): string => {
    const rounds = Map.groupBy(of(none.name), ({ round }) => round);
    const apart = [...rounds.values()].map(
      (own) => Math.max(...own.map(value)) - Math.min(...own.map(value)),
    );
    return `±${seconds(median(apart))}`;
  };
  const log = (own: readonly SettingRun[]): string => {
    const left = own.flatMap((run) => run.logMiB ?? []);
    return left.length === 0 ? '' : `${median(left).toFixed(0)} MiB`;
  };
  const line = (name: string): string[] => {
    const own = of(name);
    const gain = (value: Figure): string => (name === none.name ? noise(value) : saved(own, value));
    return [name, cell(own, ready), gain(ready), cell(own, verdicts), gain(verdicts), log(own)];
  };
  return aligned([
    ['seconds', 'to ready', 'saved', 'to 40 verdicts', 'saved', 'of a log of 80 MiB left'],
    line(none.name),
    ...names.map(line),
  ]);
}

/** Raw figures: one line a cluster. */
export function settingsCsv(runs: readonly SettingRun[]): string {
  const head = 'at,round,position,setting,ready_ms,verdicts_ms,log_mib,load_before,cpu_busy_s\n';
  return (
    head +
    runs
      .map(
        (run) =>
          `${[run.at, run.round, run.position, run.setting, run.readyMs.toFixed(0), run.verdictsMs.toFixed(0), run.logMiB?.toFixed(1) ?? '', run.load.toFixed(2), run.busy.toFixed(1)].join(',')}\n`,
      )
      .join('')
  );
}
