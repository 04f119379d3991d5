/** The page's part that trains: the form, the numbers and the curves. */
import type { BackendName } from 'fewbits';

import { capital, megabytes, whole } from '../../mnist/format.ts';
import { MEASURES, scoreOf, type MeasureWords } from '../../mnist/measure.ts';
import { rateOf } from '../../mnist/rates.ts';
import { backendChoices } from '../browser/backends.ts';
import { all, by, fill, fillSelect, make, save, sayProblem } from '../elements.ts';
import { announcer, progressBar, throttled } from '../live.ts';
import { digits, duration } from '../numbers.ts';
import { drawn, keyOf } from '../plots.ts';
import { colourOf, dashOf, lossCurves, scoreCurves, type Axis } from './curves.ts';
import { roundOver, speedAt, speedName } from './link.ts';
import { createRun, isSame, type RunState } from './run.ts';
import type { Setting, StepEntry } from './setting.ts';
import { algorithmNamed, groupsOfSystems } from './systems.ts';
import { TASKS, type TaskName } from './tasks.ts';

/** How often numbers and curves are drawn anew, in milliseconds. */
const DRAWN_EVERY = 400;

export function openTrainPart(): void {
  const form = by<HTMLFormElement>('train-form');
  const field = <E extends HTMLElement>(name: string): E => form.elements.namedItem(name) as unknown as E;
  const task = field<HTMLSelectElement>('task');
  const algorithm = field<HTMLSelectElement>('algorithm');
  const backend = field<HTMLSelectElement>('backend');
  const workers = field<HTMLInputElement>('workers');
  const steps = field<HTMLSelectElement>('steps');
  const seed = field<HTMLInputElement>('seed');
  const dense = field<HTMLInputElement>('dense');
  const button = Object.fromEntries(
    all<HTMLButtonElement>('[data-do]', form).map((one) => [one.dataset.do, one]),
  ) as Record<'start' | 'step' | 'reset' | 'save', HTMLButtonElement>;
  const link = by<HTMLInputElement>('train-link');
  const status = announcer(by('train-status'));
  const bar = progressBar(by('train-progress'));
  const run = createRun(() => changed());

  const taskOf = (): TaskName => task.value as TaskName;

  const settingOf = (): Setting => ({
    task: taskOf(),
    algorithms: dense.checked && algorithm.value !== 'dense' ? ['dense', algorithm.value] : [algorithm.value],
    backend: backend.value as BackendName,
    workers: workers.valueAsNumber,
    steps: Number(steps.value),
    seed: seed.valueAsNumber,
  });

  const against = (): { axis: Axis; workers: number; bitsASecond: number } => {
    const axis = document.querySelector<HTMLInputElement>('#train-axis input:checked');
    const { setting } = run.state();
    return {
      axis: (axis?.value ?? 'megabytes') as Axis,
      workers: setting?.workers ?? 1,
      bitsASecond: speedAt(link.valueAsNumber),
    };
  };

  const curves = [
    drawn(by('train-score'), (width) => {
      const { setting, histories } = run.state();
      return setting && scoreCurves(width, TASKS[setting.task].measure, histories, against());
    }),
    drawn(by('train-loss'), (width) => lossCurves(width, run.state().histories, against())),
  ];

  /** What scores are called, of the run if there is one. */
  const nameScores = (): void => {
    const { title, rises } = MEASURES[TASKS[run.state().setting?.task ?? taskOf()].measure];
    by('train-score-title').textContent = `${capital(title)}${rises ? '' : ', less is better'}`;
    by('train-score-head').textContent = title;
  };

  const draw = throttled(() => {
    const { state } = run;
    nameScores();
    fill(by('train-table'), numbersOf(state()));
    drawLink();
  }, DRAWN_EVERY);

  const drawLink = (): void => {
    const { bitsASecond } = against();
    by('train-speed').textContent = speedName(bitsASecond);
    link.setAttribute('aria-valuetext', speedName(bitsASecond));
    fill(by('train-rounds'), roundsOf(run.state(), bitsASecond));
    by('train-keys').replaceChildren(...[...run.state().histories.keys()].map(nameOf));
    for (const one of curves) one.again();
  };

  /**
   * What is short is shown at once, what takes time when there is some; where the run rests, all of it is at its last
   * step.
   */
  const changed = (): void => {
    const state = run.state();
    const { phase } = state;
    const busy = phase === 'opening' || phase === 'running';
    const open = phase !== 'idle' && phase !== 'failed';
    for (const one of [task, algorithm, backend, workers, steps, seed, dense]) one.disabled = busy;
    nameStart();
    button.start.disabled = phase === 'opening';
    button.step.disabled = busy;
    button.reset.disabled = phase === 'idle';
    button.save.disabled = stepsOf(state) === 0;
    const now = sentenceOf(state);
    by('train-now').textContent = now;
    if (phase === 'opening') bar.show(state.note?.done ?? 0);
    else if (open && state.setting) bar.show(stepsOf(state) / state.setting.steps);
    else bar.hide();
    sayProblem(by('train-problem'), state.problem);
    if (busy) status.say(now);
    else status.now(now);
    if (busy) draw();
    else draw.now();
  };

  /** Another setting starts another run. */
  const nameStart = (): void => {
    const { phase, setting } = run.state();
    const same = phase === 'paused' && isSame(settingOf(), setting);
    button.start.textContent = phase === 'running' || phase === 'opening' ? 'Stop' : same ? 'Go on' : 'Start';
  };

  const describe = (): void => {
    const { name, description, momentum } = algorithmNamed(algorithm.value);
    const { dataset, description: words } = TASKS[taskOf()];
    const rate = `learning rate ${rateOf('data', dataset, name)}, momentum ${momentum}`;
    by('train-task').textContent = words;
    by('train-about').textContent = `${description}; ${rate}`;
    nameScores();
  };

  fillSelect(
    task,
    Object.entries(TASKS).map(([name, { title }]) => [name, title]),
  );
  algorithm.replaceChildren(
    ...groupsOfSystems().map(({ title, systems }) =>
      make('optgroup', { label: title }, ...systems.map(({ name }) => make('option', { value: name }, name))),
    ),
  );
  algorithm.value = 'fo-sgd';
  void backendChoices(backend);
  describe();
  for (const one of [task, algorithm]) one.addEventListener('change', describe);
  form.addEventListener('input', nameStart);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (run.state().phase === 'running') run.stop();
    else run.start(settingOf());
  });
  button.step.addEventListener('click', () => {
    if (form.reportValidity()) run.step(settingOf());
  });
  button.reset.addEventListener('click', () => {
    run.reset();
    button.start.focus();
  });
  button.save.addEventListener('click', () => save('fewbits-run.json', jsonOf(run.state())));
  link.addEventListener('input', drawLink);
  by('train-axis').addEventListener('change', drawLink);
  changed();
}

function stepsOf({ histories }: RunState): number {
  const [history] = histories.values();
  return history?.length ?? 0;
}

/** The last entry of each system, and its last score. */
function lastOf({ histories }: RunState): { last: StepEntry; score: number | undefined }[] {
  return [...histories.values()].flatMap((history) => {
    const last = history.at(-1);
    if (last === undefined) return [];
    return [{ last, score: scoreOf(history.findLast((entry) => scoreOf(entry) !== undefined) ?? {}) }];
  });
}

/** What the run is scored by. */
function measureOf({ setting }: RunState): MeasureWords {
  return MEASURES[TASKS[setting?.task ?? 'digits'].measure];
}

/** What goes on, in words. */
function sentenceOf(state: RunState): string {
  const { phase, setting, opened, note } = state;
  if (phase === 'idle') return 'Nothing has run yet. Start, or make a single step.';
  if (phase === 'opening') return `${note?.what ?? 'Opening'} ...`;
  if (phase === 'failed' || setting === undefined || opened === undefined) return '';
  const { title, format } = measureOf(state);
  const scores = lastOf(state).flatMap(({ last, score }) =>
    score === undefined ? [] : [`${last.algorithm} ${format(score)}`],
  );
  const word = phase === 'running' ? 'Step' : phase === 'done' ? 'Done: step' : 'Stopped at step';
  const on = `on ${opened.backend} (${opened.detail})`;
  const crew = setting.workers === 1 ? '1 worker' : `${setting.workers} workers`;
  const scored = scores.length > 0 ? ` ${capital(title)}: ${scores.join(', ')}.` : '';
  return `${word} ${whole(stepsOf(state))} of ${whole(setting.steps)}, ${crew} ${on}.${scored}`;
}

/** The name of a system beside a piece of its line. */
function nameOf(algorithm: string): Node {
  return keyOf(colourOf(algorithm), algorithm, dashOf(algorithm));
}

function numbersOf(state: RunState): (string | Node)[][] {
  const { opened, setting } = state;
  const { format } = measureOf(state);
  const rows = lastOf(state).map(({ last, score }) => {
    const { bytesUp, bytesDown, step } = last;
    const dense = 2 * 4 * (opened?.parameters ?? 0) * (setting?.workers ?? 0) * step;
    return [
      nameOf(last.algorithm),
      `${digits(dense / (bytesUp + bytesDown))}×`,
      score === undefined ? 'not yet' : format(score),
      last.loss.toFixed(3),
      megabytes(bytesUp),
      megabytes(bytesDown),
    ];
  });
  return rows.length > 0 ? rows : [['no step yet', '', '', '', '', '']];
}

function roundsOf(state: RunState, bitsASecond: number): (string | Node)[][] {
  const workers = state.setting?.workers ?? 1;
  const rows = lastOf(state).map(({ last }) => {
    const { up, down, computing } = roundOver(last, workers, bitsASecond);
    return [nameOf(last.algorithm), ...[up, down, computing, up + down + computing].map(duration)];
  });
  return rows.length > 0 ? rows : [['no step yet', '', '', '', '']];
}

/** The run as it can be kept. */
function jsonOf({ setting, opened, histories }: RunState): string {
  return JSON.stringify({ setting, opened, histories: Object.fromEntries(histories) }, undefined, 1);
}
